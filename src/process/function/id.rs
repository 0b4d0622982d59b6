//! The name of a function that travels, and the way back to the function.
#![allow(unsafe_code)]

use std::{hint::black_box, ptr};

use bytemuck::{Pod, Zeroable};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    callable::Function,
    image::{Image, ImageId},
    record::{Entry, MAGIC, RawRecord, Record},
};
use crate::{Error, ErrorKind, Result};

/// A function's name for other processes of the same executable: plain bytes, believed by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct FunctionId {
    /// From the load base of the main image to the function's [`Record`].
    offset: u64,
    /// Of the function's type, its arguments' and its result's.
    type_hash: u64,
    image: ImageId,
}

impl FunctionId {
    /// The name of `function` called with `A`. The value shows that the type has values.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidFunction`] if the function is compiled into a shared library: another process may
    /// have that library elsewhere, or not at all.
    pub(crate) fn of<F, A>(function: F) -> Result<Self>
    where
        F: Function<A, Output: Serialize + 'static>,
        A: DeserializeOwned + 'static,
    {
        Self::of_record(Record::of::<F, A>(function), Image::get()?)
    }

    fn of_record(record: &'static Record, image: &Image) -> Result<Self> {
        // The optimiser must not know where the address comes from, or it folds the subtraction.
        let address = black_box(ptr::from_ref(black_box(record)).expose_provenance());
        let id = Self {
            offset: address.wrapping_sub(image.base) as u64,
            type_hash: record.type_hash(),
            image: image.id,
        };
        id.resolve_in(image).map(|_| id).map_err(|reason| {
            let message = format!(
                "`{}` cannot be called in another process: {reason}; functions for other processes must be \
                 compiled into the executable, not into a shared library",
                record.type_name()
            );
            Error::new(ErrorKind::InvalidFunction, message).with_source(reason)
        })
    }

    /// The function that has this name in this process, after every check that can be made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incompatible`] if the name comes from another executable or build, and
    /// [`ErrorKind::InvalidFunction`] if no function of these types is where it says.
    pub(crate) fn resolve(&self) -> Result<Entry> {
        self.resolve_in(Image::get()?)
    }

    /// The function's name in the source, for messages; or what is wrong with this id.
    #[cfg(test)]
    pub(crate) fn type_name(&self) -> &'static str {
        self.resolve().map_or("<a function of another executable>", Entry::type_name)
    }

    fn resolve_in(&self, image: &Image) -> Result<Entry> {
        if self.image != image.id {
            return Err(Error::new(
                ErrorKind::Incompatible,
                "the function comes from another executable or another build of this one: \
                 both processes must run the same file",
            ));
        }
        let address =
            usize::try_from(self.offset).ok().map(|offset| image.base.wrapping_add(offset));
        let address = address.filter(|&address| image.is_constant(address, size_of::<Record>()));
        let Some(address) = address else {
            return Err(self.invalid("is not among the constants of the executable"));
        };
        let raw = ptr::with_exposed_provenance::<RawRecord>(address);
        if !raw.is_aligned() {
            return Err(self.invalid("is not aligned"));
        }
        // SAFETY: `is_constant` says that these bytes are mapped, readable and not written by anybody; the pointer
        // is aligned; any bytes are a RawRecord. The base of the image and `of_record` exposed the provenance.
        let raw = unsafe { raw.read() };
        if black_box(raw.magic) != MAGIC {
            return Err(self.invalid("does not begin like a function's record"));
        }
        if !raw.pointers.iter().all(|pointer| image.is_code(pointer.addr())) {
            return Err(self.invalid("has pointers that lead out of the executable's code"));
        }
        // SAFETY: constants of this image that begin with the magic number and go on with three pointers into its
        // code are a Record that this build's compiler made; they last as long as the process.
        let record = unsafe { &*ptr::with_exposed_provenance::<Record>(address) };
        if record.type_hash() != self.type_hash {
            return Err(self.invalid("belongs to a function of another type"));
        }
        Ok(Entry(record))
    }

    fn invalid(&self, what: &str) -> Error {
        let message = format!("the function's record at offset {:#x} {what}", self.offset);
        Error::new(ErrorKind::InvalidFunction, message)
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fmt::Display};

    use super::{super::EntryError, *};
    use crate::{
        os::rerun::in_child,
        shared::{decode, encode},
    };

    fn add(a: u32, b: u32) -> u32 {
        a + b
    }

    fn show<T: Display>(value: T) -> String {
        format!("<{value}>")
    }

    fn id_of<F, A>(function: F, _args: &A) -> FunctionId
    where
        F: Function<A, Output: Serialize + 'static>,
        A: Serialize + DeserializeOwned + 'static,
    {
        FunctionId::of::<F, A>(function).unwrap()
    }

    /// The whole way, as between two processes: only bytes pass.
    fn call<F, A>(function: F, args: A) -> F::Output
    where
        F: Function<A, Output: Serialize + DeserializeOwned + 'static>,
        A: Serialize + DeserializeOwned + 'static,
    {
        let id = id_of(function, &args);
        let bytes = bytemuck::bytes_of(&id).to_vec();
        let id: FunctionId = bytemuck::pod_read_unaligned(&bytes);
        let result = id.resolve().unwrap().call(&encode(&args).unwrap().bytes, &|| ());
        decode(&result.unwrap().bytes).unwrap()
    }

    fn refusal(id: FunctionId) -> (ErrorKind, String) {
        let error = id.resolve().unwrap_err();
        (error.kind(), error.to_string())
    }

    #[test]
    fn functions_are_found_and_called() {
        assert_eq!(call(add, (40, 2)), 42);
        assert_eq!(call(show::<u8>, (7,)), "<7>");
        assert_eq!(call(show::<String>, ("x".to_owned(),)), "<x>");
        assert_eq!(call(|x: i64| x * 2, (21,)), 42);
        assert_eq!(call(|| "none".to_owned(), ()), "none");
        assert_eq!(call(u64::count_ones, (255,)), 8);
    }

    #[test]
    fn another_process_finds_the_function() {
        const TEST: &str = "process::function::id::tests::another_process_finds_the_function";
        let functions = [
            (id_of(add, &(40, 2)), encode(&(40, 2)).unwrap().bytes, encode(&42).unwrap().bytes),
            (
                id_of(show::<i8>, &(-7,)),
                encode(&(-7_i8,)).unwrap().bytes,
                encode("<-7>").unwrap().bytes,
            ),
            (id_of(|| 1_u64 << 40, &()), Vec::new(), encode(&(1_u64 << 40)).unwrap().bytes),
        ];
        for (which, (id, args, result)) in functions.iter().enumerate() {
            let sent = format!("{which}:{}", hex(bytemuck::bytes_of(id)));
            in_child(TEST, &[("MULTIPROC_TEST_FUNCTION", &sent)], || {
                let got = env::var("MULTIPROC_TEST_FUNCTION").unwrap();
                let (got_which, bytes) = got.split_once(':').unwrap();
                if got_which != which.to_string() {
                    return; // in the child, one round is the right one
                }
                let id: FunctionId = bytemuck::pod_read_unaligned(&unhex(bytes));
                let entry = id.resolve().unwrap();
                assert_eq!(entry.call(args, &|| ()).unwrap().bytes, *result);
            });
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn each_function_has_its_own_name() {
        let id = id_of(add, &(1, 2));
        assert_eq!(id, id_of(add, &(3, 4)));
        assert_ne!(id, id_of(|a: u32, b: u32| a + b, &(1, 2)));
        assert_ne!(id_of(show::<u8>, &(1,)), id_of(show::<u16>, &(1,)));
        assert!(id.type_name().ends_with("tests::add"), "{}", id.type_name());
        assert!(format!("{:?}", id.resolve().unwrap()).contains("tests::add"));
    }

    #[test]
    fn another_build_is_refused() {
        let mut id = id_of(add, &(1, 2));
        bytemuck::bytes_of_mut(&mut id.image)[9] ^= 1;
        let (kind, message) = refusal(id);
        assert_eq!(kind, ErrorKind::Incompatible);
        assert!(message.contains("another build"), "{message}");
        assert_eq!(id.type_name(), "<a function of another executable>");
    }

    #[test]
    fn an_offset_outside_the_image_is_refused() {
        let image = Image::get().unwrap();
        let heap = Box::new([MAGIC; 8]);
        let heap = ((&raw const *heap).addr()).wrapping_sub(image.base) as u64;
        for offset in [heap, u64::MAX, u64::MAX / 2, 0_u64.wrapping_sub(image.base as u64)] {
            let (kind, message) = refusal(FunctionId { offset, ..id_of(add, &(1, 2)) });
            assert_eq!(kind, ErrorKind::InvalidFunction);
            assert!(message.contains("not among the constants"), "{message}");
        }
    }

    #[test]
    fn a_misaligned_offset_is_refused() {
        let mut id = id_of(add, &(1, 2));
        id.offset += 1;
        let (kind, message) = refusal(id);
        assert_eq!(kind, ErrorKind::InvalidFunction);
        assert!(message.contains("aligned") || message.contains("not among"), "{message}");
    }

    /// Constants that are no record: the first has another beginning, the second no functions behind it.
    static DECOYS: [[u64; 5]; 2] = [[5; 5], [MAGIC[0], MAGIC[1], 8, 8, 8]];

    #[test]
    fn constants_that_are_no_record_are_refused() {
        let image = Image::get().unwrap();
        for (decoy, reason) in DECOYS.iter().zip(["does not begin", "lead out"]) {
            let offset =
                black_box(decoy).as_ptr().expose_provenance().wrapping_sub(image.base) as u64;
            let (kind, message) = refusal(FunctionId { offset, ..id_of(add, &(1, 2)) });
            assert_eq!(kind, ErrorKind::InvalidFunction);
            assert!(message.contains(reason), "{message}");
        }
    }

    #[test]
    fn a_function_of_another_type_is_refused() {
        let other = id_of(show::<u8>, &(1,));
        let id = FunctionId { type_hash: other.type_hash, ..id_of(add, &(1, 2)) };
        let (kind, message) = refusal(id);
        assert_eq!(kind, ErrorKind::InvalidFunction);
        assert!(message.contains("another type"), "{message}");
    }

    #[test]
    fn a_function_in_a_shared_library_has_no_name() {
        let image = Image::get().unwrap().of_another_library();
        let error = FunctionId::of_record(Record::of::<_, (u32, u32)>(add), &image).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFunction);
        assert!(error.to_string().contains("tests::add` cannot be called"), "{error}");
        assert!(error.to_string().contains("shared library"), "{error}");
    }

    #[test]
    fn arguments_that_cannot_be_decoded_never_reach_the_function() {
        let entry = id_of(add, &(1, 2)).resolve().unwrap();
        let error = entry.call(&[1], &|| ()).unwrap_err();
        let EntryError::Decode(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), ErrorKind::Decode);
    }
}
