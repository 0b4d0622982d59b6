//! What becomes of one picture.

use image::{DynamicImage, ImageFormat, ImageReader, ImageResult, Limits, imageops::FilterType};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
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

/// Makes the processed picture from that of this name.
pub(crate) fn process(from: &Path, into: &Path, name: &OsStr) -> ImageResult<()> {
    let path = from.join(name);
    let reader = ImageReader::open(&path)?.with_guessed_format()?;
    let format = reader.format().filter(|format| FORMATS.contains(format));
    let format = format.ok_or_else(|| io::Error::other("neither PNG nor JPEG"))?;
    let picture = decoded(reader)?;
    if format == ImageFormat::Jpeg && !is_whole_jpeg(&fs::read(path)?) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let mut bytes = Cursor::new(Vec::new());
    changed(&picture).write_to(&mut bytes, format)?;
    // The name is given to what is whole, whenever a worker is killed. And an old file of this name, which may be a link, is replaced and not written into.
    let named = |begin: &str| {
        let mut whole = OsString::from(begin);
        whole.push(name);
        into.join(whole)
    };
    let part = named(".part_");
    fs::write(&part, bytes.into_inner())?;
    Ok(fs::rename(&part, named("processed_"))?)
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

/// A few bytes can say that they are a huge picture: that one is not begun.
fn decoded(mut reader: ImageReader<io::BufReader<File>>) -> ImageResult<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(512 << 20);
    reader.limits(limits);
    reader.decode()
}

/// Half as large, brighter, and with more contrast.
fn changed(picture: &DynamicImage) -> DynamicImage {
    let half = |pixels: u32| (pixels / 2).max(1);
    let small =
        picture.resize_exact(half(picture.width()), half(picture.height()), FilterType::Triangle);
    // Ten of 255 levels, however many there are.
    let has_16_bits =
        picture.color().bits_per_pixel() / u16::from(picture.color().channel_count()) == 16;
    let brightness = if has_16_bits { 10 * 257 } else { 10 };
    small.brighten(brightness).adjust_contrast(1.2)
}
