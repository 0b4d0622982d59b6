//! Every kind of pixel that PNG and JPEG have, against the same by other means.

use crate::picture::{is_picture, process};
use image::{DynamicImage, GenericImageView, ImageFormat, ImageReader, Rgba, imageops::FilterType};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// A directory that goes away.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("image_pipeline-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Black, white, everything in between, and all of it more or less transparent.
fn picture(width: u32, height: u32) -> DynamicImage {
    let mix = |x: u32, y: u32, by: u32| (x * 5 * by + y * 1021) as u16;
    let pixels = image::ImageBuffer::from_fn(width, height, |x, y| {
        Rgba([mix(x, y, 1), mix(x, y, 7), mix(x, y, 311), mix(y, x, 97)])
    });
    DynamicImage::ImageRgba16(pixels)
}

fn read(path: &Path) -> (DynamicImage, ImageFormat) {
    let reader = ImageReader::open(path).unwrap().with_guessed_format().unwrap();
    let format = reader.format().unwrap();
    (reader.decode().unwrap(), format)
}

/// With 16 bits, and thousandths of a level.
fn expected(channel: u16, is_alpha: bool) -> u16 {
    if is_alpha {
        return channel;
    }
    let from_middle = (i64::from(channel) + 10 * 257 - 128 * 257) * 1200;
    (from_middle / 1000 + 128 * 257).clamp(0, 65535) as u16
}

#[test]
fn every_kind_of_png_is_changed_as_said() {
    let directory = Directory::new("kinds");
    let all = picture(301, 200);
    let kinds = [
        DynamicImage::from(all.to_luma8()),
        all.to_luma_alpha8().into(),
        all.to_rgb8().into(),
        all.to_rgba8().into(),
        all.to_luma16().into(),
        all.to_luma_alpha16().into(),
        all.to_rgb16().into(),
        all.to_rgba16().into(),
    ];
    for kind in kinds {
        let name = format!("{:?}.jpg", kind.color());
        kind.save_with_format(directory.0.join(&name), ImageFormat::Png).unwrap();
        process(&directory.0, &directory.0, OsStr::new(&name)).unwrap();
        let (processed, format) = read(&directory.0.join(format!("processed_{name}")));
        assert_eq!((format, processed.color()), (ImageFormat::Png, kind.color()));
        assert_eq!(processed.dimensions(), (150, 100));
        let small = kind.resize_exact(150, 100, FilterType::Triangle).into_rgba16();
        // A level of those that there are, for rounding.
        let near = if kind.color().bytes_per_pixel() / kind.color().channel_count() == 1 {
            257
        } else {
            2
        };
        for (before, after) in small.pixels().zip(processed.into_rgba16().pixels()) {
            for (at, (&before, &after)) in before.0.iter().zip(&after.0).enumerate() {
                let expected = expected(before, at == 3);
                assert!(
                    after.abs_diff(expected) <= near,
                    "{name}: {before} became {after}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn jpegs_are_changed_and_turned_upright() {
    let directory = Directory::new("jpeg");
    // One half is black, one is light grey.
    let halves = image::GrayImage::from_fn(64, 32, |x, _| [if x < 32 { 0 } else { 200 }].into());
    let path = directory.0.join("a.png");
    halves.save_with_format(&path, ImageFormat::Jpeg).unwrap();
    let bytes = fs::read(&path).unwrap();
    // Exif: it lies on its right side. Behind the first marker stands a segment with a directory of one entry.
    let mut exif = vec![0xff, 0xe1, 0, 34];
    exif.extend(b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let turned = [&bytes[..2], &exif, &bytes[2..]].concat();
    fs::write(directory.0.join("turned"), turned).unwrap();
    for (name, size, dark, light) in
        [("a.png", (32, 16), (4, 8), (27, 8)), ("turned", (16, 32), (8, 4), (8, 27))]
    {
        process(&directory.0, &directory.0, OsStr::new(name)).unwrap();
        let (processed, format) = read(&directory.0.join(format!("processed_{name}")));
        assert_eq!((format, processed.dimensions()), (ImageFormat::Jpeg, size), "{name}");
        let processed = processed.into_luma8();
        let is_near = |(x, y), level: u8| processed.get_pixel(x, y).0[0].abs_diff(level) <= 3;
        assert!(is_near(dark, 0) && is_near(light, 226), "{name}");
    }
    fs::write(directory.0.join("cut"), &bytes[..bytes.len() - 2]).unwrap();
    assert!(is_picture(&directory.0.join("cut")));
    process(&directory.0, &directory.0, OsStr::new("cut")).unwrap_err();
    assert!(!directory.0.join("processed_cut").exists());
}

#[test]
fn a_pixel_stays_one() {
    let directory = Directory::new("small");
    for (width, height, small) in [(1, 1, (1, 1)), (1, 9, (1, 4)), (3, 1, (1, 1)), (2, 5, (1, 2))] {
        picture(width, height).to_rgb8().save(directory.0.join("a.png")).unwrap();
        process(&directory.0, &directory.0, OsStr::new("a.png")).unwrap();
        assert_eq!(read(&directory.0.join("processed_a.png")).0.dimensions(), small);
    }
}
