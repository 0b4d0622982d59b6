//! The plate as a picture.

use std::{fs::File, io::BufWriter};

/// From black over red and yellow to white.
fn colour(heat: f64) -> [u8; 3] {
    [0.0, 1.0, 2.0].map(|from| ((heat * 3.0 - from).clamp(0.0, 1.0) * 255.0) as u8)
}

/// Draws rows of so many columns, with heat from 0 to 1.
pub(crate) fn draw(out: File, plate: &[f64], cols: u32) -> Result<(), png::EncodingError> {
    let rows = (plate.len() / cols as usize) as u32;
    let mut encoder = png::Encoder::new(BufWriter::new(out), cols, rows);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let colours: Vec<_> = plate.iter().flat_map(|&heat| colour(heat)).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&colours)?;
    writer.finish()
}
