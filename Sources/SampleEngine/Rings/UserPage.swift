internal import CLinuxShims
internal import Synchronization

/// What the control page says of its event, all of one moment.
package struct UserPage: Equatable, Sendable {
    /// Number of the hardware counter and one; 0 while the event is on none.
    package var index: UInt32
    /// What the counter's value is added to.
    package var offset: Int64
    /// Nanoseconds.
    package var timeEnabled: UInt64
    package var timeRunning: UInt64
    package var capabilities: Capabilities
    /// The event's count, nil where only read(2) can tell it.
    package var count: UInt64?

    /// What may be done in user space, `perf_event_mmap_page.capabilities`.
    package struct Capabilities: OptionSet, Sendable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }

        package static let readCounter = Capabilities(rawValue: 1 << 2)
        package static let time = Capabilities(rawValue: 1 << 3)
        package static let timeZero = Capabilities(rawValue: 1 << 4)
    }
}

extension RingMapping {
    /// Reads the event's page without a system call.
    ///
    /// The page's `lock` is odd while it is being written and higher afterwards: whoever finds it odd or changed has
    /// read a mix and reads again. A writer that died there, or a hostile one, cannot hold us for ever.
    ///
    /// - Parameters:
    ///   - isOwnThread: the event counts the calling thread; only then has its counter a meaning here.
    ///   - attempts: how often to try, at least once.
    /// - Returns: nil where the page was being written at each attempt.
    package func readPage(isOwnThread: Bool = false, attempts: Int = 1000) -> UserPage? {
        let words = controlWords
        for _ in 0..<max(1, attempts) {
            let sequence = words.acquireHalf(ControlPage.lock)
            if sequence & 1 != 0 { continue }
            var page = UserPage(
                index: words.relaxedHalf(ControlPage.index),
                offset: Int64(bitPattern: words.relaxed(ControlPage.offset)),
                timeEnabled: words.relaxed(ControlPage.timeEnabled),
                timeRunning: words.relaxed(ControlPage.timeRunning),
                capabilities: UserPage.Capabilities(rawValue: words.relaxed(ControlPage.capabilities)))
            // Never in a software ring: its page is another process's word, and the instruction faults where the
            // kernel has not permitted it.
            if isSoftware {
                page.count = UInt64(bitPattern: page.offset)
            } else if isOwnThread, pt_has_rdpmc() != 0, page.capabilities.contains(.readCounter), page.index != 0 {
                let width = UInt64(words.relaxedHalf(ControlPage.counterWidth) & 0xffff)
                let counter = Self.signExtended(pt_rdpmc(page.index &- 1), bits: width)
                page.count = UInt64(bitPattern: page.offset &+ counter)
            }
            // The loads above stay above the second load of the sequence.
            atomicMemoryFence(ordering: .acquiring)
            if words.relaxedHalf(ControlPage.lock) == sequence { return page }
        }
        return nil
    }

    /// A counter's value as a number with a sign, whatever the width; widths beyond 64 bits are 64.
    package static func signExtended(_ value: UInt64, bits: UInt64) -> Int64 {
        let shift = 64 - min(max(bits, 1), 64)
        return Int64(bitPattern: value << shift) >> Int64(shift)
    }
}
