//! The main image: which build it is, and which of its memory may be believed.

use std::{
    fs::File,
    hash::{DefaultHasher, Hasher},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    sync::OnceLock,
};

use bytemuck::{Pod, Zeroable};

use crate::{
    Error, Result,
    os::image::{LoadSegment, MainImage, main_image},
};

/// Which build an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct ImageId {
    /// The length of the build id, or [`HASHED`](Self::HASHED).
    len: u64,
    bytes: [u8; 32],
}

impl ImageId {
    /// In place of the length: the bytes are a hash of the image.
    const HASHED: u64 = u64::MAX;

    fn of(image: &MainImage) -> Result<Self> {
        match &image.build_id {
            Some(id) if id.len() <= 32 => {
                let mut bytes = [0; 32];
                bytes[..id.len()].copy_from_slice(id);
                Ok(Self { len: id.len() as u64, bytes })
            }
            Some(id) => Ok(Self::hashed(|sink| {
                sink(id);
                Ok(())
            })
            .map_err(|error| Error::os("hashing the build id", error))?),
            None => Self::hashed(|sink| read_loaded(&image.loads, sink)).map_err(|error| {
                Error::os("reading /proc/self/exe, as the executable has no build id,", error)
            }),
        }
    }

    /// The hash of the bytes that `feed` gives. It tells builds apart; it does not withstand an adversary.
    fn hashed(feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<()>) -> io::Result<Self> {
        let mut lanes: [DefaultHasher; 2] = std::array::from_fn(|lane| {
            let mut hasher = DefaultHasher::new();
            hasher.write_usize(lane);
            hasher
        });
        feed(&mut |bytes| lanes.iter_mut().for_each(|hasher| hasher.write(bytes)))?;
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&lanes[0].finish().to_ne_bytes());
        bytes[8..16].copy_from_slice(&lanes[1].finish().to_ne_bytes());
        Ok(Self { len: Self::HASHED, bytes })
    }
}

/// Reads the parts of the running executable's file that are loaded. The file and not the memory, as a debugger
/// leaves its marks there.
fn read_loaded(loads: &[LoadSegment], sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let file = File::open("/proc/self/exe")?;
    let mut buffer = vec![0; 1 << 16];
    for load in loads {
        let mut at = load.file.start;
        while at < load.file.end {
            let len = usize::try_from(load.file.end - at).unwrap_or(usize::MAX).min(buffer.len());
            file.read_exact_at(&mut buffer[..len], at)?;
            sink(&buffer[..len]);
            at += len as u64;
        }
    }
    Ok(())
}

/// The main image of this process.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) id: ImageId,
    /// What offsets count from.
    pub(super) base: usize,
    constant: Vec<Range<usize>>,
    code: Vec<Range<usize>>,
}

impl Image {
    /// The main image, read once.
    pub(super) fn get() -> Result<&'static Self> {
        static IMAGE: OnceLock<Image> = OnceLock::new();
        if let Some(image) = IMAGE.get() {
            return Ok(image);
        }
        let image = Self::new(&main_image()?)?;
        Ok(IMAGE.get_or_init(|| image))
    }

    fn new(image: &MainImage) -> Result<Self> {
        let loads = || image.loads.iter().filter(|load| load.readable);
        // An image that was linked without RELRO keeps its relocated constants among its variables.
        let constant = loads()
            .filter(|load| !load.writable || image.relro.is_none())
            .map(|load| load.memory.clone())
            .chain(image.relro.clone())
            .collect();
        let code = image.loads.iter().filter(|load| load.executable);
        let code = code.map(|load| load.memory.clone()).collect();
        Ok(Self { id: ImageId::of(image)?, base: image.base, constant, code })
    }

    /// The image as a function sees it that is compiled into another one.
    #[cfg(test)]
    pub(super) fn of_another_library(&self) -> Self {
        Self { constant: Vec::new(), code: Vec::new(), ..self.clone() }
    }

    /// Whether all of `len` bytes at `address` are constants of the image.
    pub(super) fn is_constant(&self, address: usize, len: usize) -> bool {
        let Some(end) = address.checked_add(len) else { return false };
        self.constant.iter().any(|range| range.start <= address && end <= range.end)
    }

    /// Whether `address` is in the image's code.
    pub(super) fn is_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CONSTANT: [u64; 4] = [1, 2, 3, 4];

    #[test]
    fn constants_code_stack_and_heap_are_told_apart() {
        let image = Image::get().unwrap();
        let constant = CONSTANT.as_ptr().addr();
        let code = constants_code_stack_and_heap_are_told_apart as fn() as usize;
        let (stack, heap) = (7_u64, Box::new(7_u64));
        assert!(image.is_constant(constant, 32));
        assert!(image.is_code(code));
        for address in [(&raw const stack).addr(), (&raw const *heap).addr(), 0, usize::MAX - 7] {
            assert!(!image.is_constant(address, 8) && !image.is_code(address), "{address:#x}");
        }
        assert!(!image.is_constant(constant, usize::MAX));
    }

    #[test]
    fn an_image_without_build_id_is_told_by_its_bytes() {
        let mut image = main_image().unwrap();
        image.build_id = Some(vec![7; 20]);
        let noted = ImageId::of(&image).unwrap();
        image.build_id = None;
        let hashed = ImageId::of(&image).unwrap();
        assert_eq!(hashed, ImageId::of(&image).unwrap());
        assert_ne!(hashed, noted);
        image.loads.pop();
        assert_ne!(hashed, ImageId::of(&image).unwrap());
    }

    #[test]
    fn a_long_build_id_counts_to_its_last_byte() {
        let image = |last| {
            let mut id = vec![0; 40];
            id[39] = last;
            MainImage { build_id: Some(id), ..MainImage::default() }
        };
        let id = |last| ImageId::of(&image(last)).unwrap();
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }
}
