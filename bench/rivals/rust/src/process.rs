//! Facts about this process, from the kernel and the C library.

use std::ffi::{CStr, c_char};
use std::fs;
use std::mem::MaybeUninit;
use std::ops::Sub;

/// Returns the bytes of a line such as `VmRSS:     1234 kB` in a file of /proc.
fn bytes_in(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(1024 * kilobytes)
}

#[derive(Default)]
pub struct Memory {
    /// The pages that are there, counted; VmRSS, which may be off by some hundred, if the kernel does not count them.
    pub resident_bytes: u64,
    /// VmHWM.
    pub peak_bytes: u64,
}

pub fn memory_now() -> Memory {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |key| bytes_in(&status, key).unwrap_or(0);
    let counted = fs::read_to_string("/proc/self/smaps_rollup").ok().and_then(|rollup| bytes_in(&rollup, "Rss"));
    Memory { resident_bytes: counted.unwrap_or_else(|| bytes("VmRSS")), peak_bytes: bytes("VmHWM") }
}

/// Counts of all threads.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub minor_faults: i64,
    pub major_faults: i64,
    pub voluntary_switches: i64,
    pub involuntary_switches: i64,
}

pub fn usage_now() -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: zeros are a valid value of this structure of numbers, which the kernel fills in.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    Usage {
        minor_faults: usage.ru_minflt as i64,
        major_faults: usage.ru_majflt as i64,
        voluntary_switches: usage.ru_nvcsw as i64,
        involuntary_switches: usage.ru_nivcsw as i64,
    }
}

impl Sub for Usage {
    type Output = Usage;
    fn sub(self, begin: Usage) -> Usage {
        Usage {
            minor_faults: self.minor_faults - begin.minor_faults,
            major_faults: self.major_faults - begin.major_faults,
            voluntary_switches: self.voluntary_switches - begin.voluntary_switches,
            involuntary_switches: self.involuntary_switches - begin.involuntary_switches,
        }
    }
}

fn text_of(pointer: *const c_char) -> String {
    // SAFETY: the C library's strings end with zero and live as long as the process.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// Returns the path of the file that malloc comes from.
pub fn allocator_path() -> String {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the name ends with zero, and `info` is read only if dladdr has filled it in.
    unsafe {
        let function = libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr());
        if function.is_null() || libc::dladdr(function, info.as_mut_ptr()) == 0 {
            return "unknown".to_string();
        }
        text_of(info.assume_init().dli_fname)
    }
}

/// Returns the version of the C library that is loaded.
pub fn libc_version() -> String {
    // SAFETY: it takes nothing.
    text_of(unsafe { libc::gnu_get_libc_version() })
}

/// Asks the kernel for huge pages for all memory that this process can write and that no file is behind.
pub fn advise_huge_pages() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        let Some((begin, end)) = anonymous_range(line) else { continue };
        // SAFETY: the advice changes no contents. An error is no harm: has_huge_pages says what has come of it.
        unsafe { libc::madvise(begin as *mut libc::c_void, end - begin, libc::MADV_HUGEPAGE) };
    }
}

/// Returns the range of a line of /proc/self/maps if it is writable, private and of no file.
fn anonymous_range(line: &str) -> Option<(usize, usize)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [range, "rw-p", _, _, "0", ..] = fields[..] else { return None };
    let (begin, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(begin)?, address(end)?))
}

/// Returns whether this process has memory in huge pages; nothing if the kernel does not say.
pub fn has_huge_pages() -> Option<bool> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    Some(bytes_in(&rollup, "AnonHugePages")? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_memory_there_is() {
        let memory = memory_now();
        assert!(memory.resident_bytes > 0 && memory.peak_bytes >= memory.resident_bytes / 2);
        assert_eq!(bytes_in("VmRSS:\t    12 kB\n", "VmRSS"), Some(12288));
    }

    #[test]
    fn malloc_is_in_a_file() {
        assert!(std::path::Path::new(&allocator_path()).is_file(), "{}", allocator_path());
    }

    #[test]
    fn only_anonymous_memory_is_advised() {
        assert_eq!(anonymous_range("10-2f rw-p 00000000 00:00 0 [heap]"), Some((0x10, 0x2f)));
        assert_eq!(anonymous_range("10-2f rw-p 00000000 fe:00 77 /lib/x.so"), None);
        assert_eq!(anonymous_range("10-2f r--p 00000000 00:00 0"), None);
    }
}
