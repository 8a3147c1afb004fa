internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// A slot for the latest value on its way from one thread to another, with a descriptor that becomes readable.
///
/// Not a queue: there is one slot, and whoever puts decides what happens to a value that was not taken.
package final class Mailbox<Value: ~Copyable & Sendable>: Sendable {
    private let slot = Mutex<Value?>(nil)

    package init() {}

    /// Puts a value; one that was not taken yet is gone.
    package func put(_ value: consuming Value) {
        var value: Value? = value
        slot.withLock { $0 = value.take() }
    }

    package func take() -> Value? { slot.withLock { $0.take() } }

    /// Whether what was put last was taken.
    package var isEmpty: Bool { slot.withLock { $0 == nil } }
}

/// A descriptor that poll(2) sees as readable once it was rung, until it is cleared. Safe from any thread.
package final class Bell: Sendable {
    private let descriptor: Descriptor

    package init() throws(EngineError) {
        do throws(Errno) {
            descriptor = Descriptor(owning: try systemCall { pt_eventfd() })
        } catch {
            throw EngineError(what: "waking a thread", why: error.text)
        }
    }

    package var fd: Int32 { descriptor.number }

    package func ring() { Self.ring(descriptor.number) }

    /// Rings the bell behind a bare descriptor number.
    package static func ring(_ fd: Int32) {
        var one: UInt64 = 1
        _ = unsafe write(fd, &one, 8)
    }

    /// Waits until it rings, then silences it.
    ///
    /// - Parameter milliseconds: −1 waits without limit.
    package func wait(milliseconds: Int32 = -1) {
        var request = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        if unsafe poll(&request, 1, milliseconds) > 0 { clear() }
    }

    package func clear() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor.number, &count, 8)
    }
}
