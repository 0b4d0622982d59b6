//! What becomes of one picture.

use image::{
    DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits, Pixel,
    Primitive, imageops::FilterType,
};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Cursor, Read},
    path::Path,
};

/// Which pictures we take.
const FORMATS: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];

/// Whether a file is a picture by its content. One that is none, but should be by its name, is a broken one.
pub(crate) fn is_picture(path: &Path) -> bool {
    let mut head = Vec::new();
    // What cannot be read is none by its content.
    let _ = File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    let formats = [image::guess_format(&head), ImageFormat::from_path(path)];
    formats.iter().flatten().any(|format| FORMATS.contains(format))
}

/// Makes the processed picture from that of this name; a number that is another one for another name or other bytes.
pub(crate) fn process(from: &Path, into: &Path, name: &OsStr) -> ImageResult<u64> {
    let (mut picture, format) = decoded(&fs::read(from.join(name))?)?;
    let half = |pixels: u32| (pixels / 2).max(1);
    let (width, height) = (half(picture.width()), half(picture.height()));
    picture = picture.resize_exact(width, height, FilterType::Triangle);
    adjust_all(&mut picture)?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format)?;
    let bytes = bytes.into_inner();
    // The name is given to what is whole, whenever a worker is killed. And an old file of this name, which may be a link, is replaced and not written into.
    let named = |begin: &str| {
        let mut whole = OsString::from(begin);
        whole.push(name);
        into.join(whole)
    };
    let part = named(".part_");
    fs::write(&part, &bytes)?;
    fs::rename(&part, named("processed_"))?;
    let mut hasher = DefaultHasher::new();
    (name, bytes).hash(&mut hasher);
    Ok(hasher.finish())
}

/// The picture, upright, and what it was.
fn decoded(bytes: &[u8]) -> ImageResult<(DynamicImage, ImageFormat)> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let format = reader.format().filter(|format| FORMATS.contains(format));
    let format = format.ok_or_else(|| io::Error::other("neither PNG nor JPEG"))?;
    if format == ImageFormat::Jpeg && !is_whole_jpeg(bytes) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let mut decoder = reader.into_decoder()?;
    // A few bytes can say that they are a huge picture: that one is not begun.
    Limits::default().reserve(decoder.total_bytes())?;
    // Cameras write how they were held beside the pixels, where it would be lost.
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok((picture, format))
}

/// Whether a JPEG has its end: the decoder makes grey pixels of what is missing.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    // The segments before the picture's data have lengths, and may contain anything, such as another JPEG.
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4)
        && marker != 0xda
    {
        at += if marker == 0xff { 1 } else { 2 + usize::from(u16::from_be_bytes([high, low])) };
    }
    bytes.get(at..).is_some_and(|data| data.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

fn adjust_all(picture: &mut DynamicImage) -> io::Result<()> {
    match picture {
        DynamicImage::ImageLuma8(pixels) => adjust(pixels),
        DynamicImage::ImageLumaA8(pixels) => adjust(pixels),
        DynamicImage::ImageRgb8(pixels) => adjust(pixels),
        DynamicImage::ImageRgba8(pixels) => adjust(pixels),
        DynamicImage::ImageLuma16(pixels) => adjust(pixels),
        DynamicImage::ImageLumaA16(pixels) => adjust(pixels),
        DynamicImage::ImageRgb16(pixels) => adjust(pixels),
        DynamicImage::ImageRgba16(pixels) => adjust(pixels),
        _ => return Err(io::Error::other("pixels of a kind that neither PNG nor JPEG has")),
    }
    Ok(())
}

/// Brighter by 10 of 255 levels, then with 1.2 times the contrast: so far is each channel from the middle, level 128. What is opaque stays so.
///
/// [`DynamicImage::adjust_contrast`] takes per cent, squares them, and changes alpha too.
fn adjust<P>(picture: &mut ImageBuffer<P, Vec<P::Subpixel>>)
where
    P: Pixel<Subpixel: Into<f32>>,
{
    let max: f32 = P::Subpixel::DEFAULT_MAX_VALUE.into();
    let level = max / 255.0;
    let adjusted = |channel: P::Subpixel| {
        let brighter = channel.into() + 10.0 * level;
        let value = (brighter - 128.0 * level) * 1.2 + 128.0 * level;
        num(value.round().clamp(0.0, max))
    };
    for pixel in picture.pixels_mut() {
        pixel.apply_with_alpha(adjusted, |alpha| alpha);
    }
}

fn num<S: Primitive>(value: f32) -> S {
    S::from(value).unwrap_or(S::DEFAULT_MAX_VALUE)
}
