//! A hint to the processor that a cache line will be wanted soon.

/// Asks for the line `value` begins in. Changes nothing but time.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and cannot fault; the pointer comes from a reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Asks for the line of an entry; an index past the end asks for the last one, so that what links
/// nowhere costs no branch.
#[inline(always)]
pub fn prefetch_at<T>(table: &[T], index: u32) {
    if let Some(value) = table.get((index as usize).min(table.len().wrapping_sub(1))) {
        prefetch(value);
    }
}
