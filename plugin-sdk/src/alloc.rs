//! A bump allocator for instances that live for one call.
//!
//! The standard allocator's `memory.grow` and its bookkeeping cost a fresh instance more than the
//! connector's own work (`design/log.md`: 25 µs against 14.9 µs a call). Nothing is freed but the
//! last block, since the hub drops the whole memory after the call; its limit (64 MiB by default)
//! bounds what a call may take.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

const PAGE_BYTES: usize = 65_536;
/// Memory is grown by at least this much, so that a large body does not grow page by page.
const GROW_PAGES_MIN: usize = 4;

struct Bump {
    next: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: a component instance of this contract has one thread; there is no other to share with.
unsafe impl Sync for Bump {}

#[global_allocator]
static BUMP: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

unsafe extern "C" {
    static __heap_base: u8;
}

impl Bump {
    fn start(&self) {
        // Everything from the end of data and stack to the end of the initial memory is free.
        self.next.set(&raw const __heap_base as usize);
        self.end.set(core::arch::wasm32::memory_size(0) * PAGE_BYTES);
    }

    fn grow_to(&self, end: usize) -> bool {
        let missing = (end - self.end.get()).div_ceil(PAGE_BYTES).max(GROW_PAGES_MIN);
        let grown = core::arch::wasm32::memory_grow(0, missing) != usize::MAX;
        if grown {
            self.end.set(core::arch::wasm32::memory_size(0) * PAGE_BYTES);
        }
        grown
    }
}

// SAFETY: blocks come from memory above `__heap_base`, never overlap (next only moves up, except
// over the block that was handed out last), and are aligned as asked.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.end.get() == 0 {
            self.start();
        }
        let at = self.next.get().next_multiple_of(layout.align());
        let Some(end) = at.checked_add(layout.size()) else { return core::ptr::null_mut() };
        if end > self.end.get() && !self.grow_to(end) {
            return core::ptr::null_mut();
        }
        self.next.set(end);
        at as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block as usize + layout.size() == self.next.get() {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let at = block as usize;
        if at + layout.size() == self.next.get() {
            let Some(end) = at.checked_add(size) else { return core::ptr::null_mut() };
            if end > self.end.get() && !self.grow_to(end) {
                return core::ptr::null_mut();
            }
            self.next.set(end);
            return block;
        }
        // SAFETY: both blocks are valid for the smaller of the two sizes and do not overlap.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(block, new, layout.size().min(size));
            }
            new
        }
    }
}
