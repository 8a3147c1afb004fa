/// Where the words of a ring's control page are, in bytes (`struct perf_event_mmap_page`).
package enum ControlPage {
    /// The sequence of the seqlock, half a word; odd while the page is being written.
    package static let lock = 8
    package static let index = 12
    package static let offset = 16
    package static let timeEnabled = 24
    package static let timeRunning = 32
    package static let capabilities = 40
    package static let counterWidth = 48
    package static let size = 72
    /// Bytes ever written, in overwrite mode as a negative number; and bytes ever read.
    package static let dataHead = 1024
    package static let dataTail = 1032
    /// Where the data begins in the mapping, and how long it is.
    package static let dataOffset = 1040
    package static let dataSize = 1048
}
