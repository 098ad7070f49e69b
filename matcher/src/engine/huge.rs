//! Large tables, in large pages where the kernel has them: a table of a million orders then costs
//! one address look-up where it would cost hundreds.
#![expect(
    unsafe_code,
    reason = "one advice to the kernel without a safe wrapper in our dependencies"
)]

/// Pages smaller than this are not worth the advice.
const LARGE_PAGE_BYTES: usize = 2 << 20;

/// A table of `count` times `value`, every page of it written.
#[must_use]
pub fn filled<T: Copy>(value: T, count: usize) -> Box<[T]> {
    let mut table = Vec::with_capacity(count);
    advise(table.spare_capacity_mut());
    table.resize(count, value);
    table.into_boxed_slice()
}

/// Asks for large pages behind memory that nobody has touched yet. Changes nothing but time.
fn advise<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        let start = memory.as_mut_ptr() as usize;
        let end = start + size_of_val(memory);
        let aligned = start.next_multiple_of(LARGE_PAGE_BYTES);
        let bytes = end.saturating_sub(aligned) & !(LARGE_PAGE_BYTES - 1);
        if bytes == 0 {
            return;
        }
        // SAFETY: `aligned..aligned + bytes` lies inside `memory`, which we hold exclusively, and
        // MADV_HUGEPAGE changes no content and no access rights: at worst it does nothing.
        let _ = unsafe { libc::madvise(aligned as *mut libc::c_void, bytes, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}
