//! The main image of this process: where it is loaded and which build it is.
//!
//! `dl_iterate_phdr(3)`, `elf(5)`. The first object that it visits is the main program.
#![allow(unsafe_code)]

use std::{ffi::c_void, io, ops::Range, ptr, slice};

use crate::{Error, Result};

/// The kind of note that holds the build id, in `elf.h` `NT_GNU_BUILD_ID`.
const BUILD_ID: u32 = 3;

/// The vendor's name in the note that holds the build id, with its final zero.
const GNU: &[u8] = b"GNU\0";

/// One `PT_LOAD` segment of the main image.
#[derive(Clone, Debug)]
pub(crate) struct LoadSegment {
    /// The addresses in this process.
    pub(crate) memory: Range<usize>,
    /// The bytes of the file that it comes from.
    pub(crate) file: Range<u64>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) executable: bool,
}

/// What the program headers of the main image say.
#[derive(Clone, Debug, Default)]
pub(crate) struct MainImage {
    /// What was added to the addresses in the file (0 in an executable that is not position independent).
    pub(crate) base: usize,
    pub(crate) loads: Vec<LoadSegment>,
    /// The part that is read-only once it has been relocated.
    pub(crate) relro: Option<Range<usize>>,
    /// The linker's build id, if it wrote one.
    pub(crate) build_id: Option<Vec<u8>>,
}

/// Reads the program headers of the main image.
pub(crate) fn main_image() -> Result<MainImage> {
    let mut found: Option<MainImage> = None;
    // SAFETY: `visit` expects a pointer to an `Option<MainImage>`, which `found` is for the whole call.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut found).cast::<c_void>()) };
    found.ok_or_else(|| {
        Error::os(
            "dl_iterate_phdr(3)",
            io::Error::other("it visited no object, not even the program"),
        )
    })
}

/// The callback: takes the first object and stops.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> i32 {
    // SAFETY: the C library passes a valid description for the time of the callback.
    let info = unsafe { &*info };
    // SAFETY: `main_image` passes its own `Option<MainImage>`, which nobody else touches meanwhile.
    let found = unsafe { &mut *data.cast::<Option<MainImage>>() };
    // SAFETY: `dlpi_phdr` points to `dlpi_phnum` program headers, mapped as long as the program runs.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let base = info.dlpi_addr as usize;
    let mut image = MainImage { base, ..MainImage::default() };

    let memory = |header: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(header.p_vaddr as usize);
        start..start.saturating_add(header.p_memsz as usize)
    };
    for header in headers {
        match header.p_type {
            libc::PT_LOAD => image.loads.push(LoadSegment {
                memory: memory(header),
                file: header.p_offset..header.p_offset.saturating_add(header.p_filesz),
                readable: header.p_flags & libc::PF_R != 0,
                writable: header.p_flags & libc::PF_W != 0,
                executable: header.p_flags & libc::PF_X != 0,
            }),
            libc::PT_GNU_RELRO => image.relro = Some(memory(header)),
            _ => {}
        }
    }
    for header in headers.iter().filter(|header| header.p_type == libc::PT_NOTE) {
        let note = memory(header);
        let mapped = image.loads.iter().any(|load| {
            load.readable && load.memory.start <= note.start && note.end <= load.memory.end
        });
        if !mapped || image.build_id.is_some() {
            continue;
        }
        // SAFETY: the range lies in a readable segment of the main image, which stays mapped and whose
        // notes nobody writes.
        let bytes = unsafe {
            slice::from_raw_parts(ptr::with_exposed_provenance::<u8>(note.start), note.len())
        };
        image.build_id = build_id(bytes, header.p_align as usize);
    }
    *found = Some(image);
    1
}

/// The description of the first GNU build-id note among `notes`, whose parts are padded to `align`.
fn build_id(mut notes: &[u8], align: usize) -> Option<Vec<u8>> {
    let pad = |len: usize| len.checked_next_multiple_of(if align == 8 { 8 } else { 4 });
    loop {
        let word = |at: usize| Some(u32::from_ne_bytes(notes.get(at..at + 4)?.try_into().ok()?));
        let (name_len, description_len, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
        let name = notes.get(12..)?.get(..name_len)?;
        let description_at = pad(12 + name_len)?;
        let description = notes.get(description_at..)?.get(..description_len)?;
        if kind == BUILD_ID && name == GNU && !description.is_empty() {
            return Some(description.to_vec());
        }
        notes = notes.get(description_at + pad(description_len)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u32, name: &[u8], description: &[u8], align: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((name.len() as u32).to_ne_bytes());
        bytes.extend((description.len() as u32).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(align), 0);
        bytes.extend(description);
        bytes.resize(bytes.len().next_multiple_of(align), 0);
        bytes
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        for align in [4, 8] {
            let mut notes = note(5, GNU, &[9; 17], align);
            notes.extend(note(3, b"Go\0", b"not ours", align));
            notes.extend(note(3, GNU, &[7; 20], align));
            assert_eq!(build_id(&notes, align), Some(vec![7; 20]));
        }
    }

    #[test]
    fn damaged_notes_have_no_build_id() {
        let whole = note(3, GNU, &[7; 20], 4);
        for len in 0..whole.len() {
            assert_eq!(build_id(&whole[..len], 4), None, "{len} bytes");
        }
        assert_eq!(build_id(&[0xff; 64], 4), None);
    }

    #[test]
    fn this_program_is_found() {
        let image = main_image().unwrap();
        let code = this_program_is_found as fn() as usize;
        assert!(image.loads.iter().any(|load| load.executable && load.memory.contains(&code)));
    }
}
