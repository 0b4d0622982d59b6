//! Which files are behind the addresses of this process.
//!
//! `proc_pid_maps(5)`

use std::fs;

/// Whether the same object is mapped at both addresses, of which the second is a mapping of a file. `None` where the system does not say (no `/proc`).
///
/// A mapping keeps its inode, so that another object cannot have the number meanwhile.
pub(crate) fn same_file(one: *const u8, known: *const u8) -> Option<bool> {
    let list = fs::read("/proc/self/maps").ok()?;
    // The paths at the ends of the lines may be anything.
    let list = String::from_utf8_lossy(&list);
    let at = |address: *const u8| list.lines().find_map(|line| file_at(line, address.addr()));
    let known = at(known)?;
    Some(at(one) == Some(known))
}

/// Device and inode, if the line is of the mapping with this address: `start-end permissions offset device inode path`.
fn file_at(line: &str, address: usize) -> Option<(&str, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let number = |digits| usize::from_str_radix(digits, 16).ok();
    if !(number(start)?..number(end)?).contains(&address) {
        return None;
    }
    Some((fields.nth(2)?, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::{
        mapping::Mapping,
        object::{self, Access, Object},
    };
    use std::path::Path;

    #[test]
    fn lines_are_read() {
        let line = "7f00-7f20 rw-s 00001000 00:1a 4711   /dev/shm/a b (deleted)";
        assert_eq!(file_at(line, 0x7f00), Some(("00:1a", "4711")));
        assert_eq!(file_at(line, 0x7f20), None);
        assert_eq!(file_at("nonsense", 1), None);
    }

    #[test]
    fn mappings_of_one_object_are_the_same_and_those_of_two_are_not() {
        let map = |what: &str| {
            let name = format!("multiproc-test-{}-maps-{what}", std::process::id());
            let object = Object::create_shm(&name, 4096).unwrap();
            let twice = [(); 2].map(|()| Mapping::new(&object, 4096, Access::ReadWrite).unwrap());
            object::unlink(&Path::new("/dev/shm").join(name)).unwrap();
            twice
        };
        let (first, second) = (map("a"), map("b"));
        let same = |one: &Mapping, other: &Mapping| {
            same_file(one.as_ptr().as_ptr(), other.as_ptr().as_ptr())
        };
        assert_eq!(same(&first[0], &first[1]), Some(true));
        assert_eq!(same(&first[0], &second[0]), Some(false));
        let nobodys = 0_u8;
        assert_eq!(same_file(&raw const nobodys, first[0].as_ptr().as_ptr()), Some(false));
    }
}
