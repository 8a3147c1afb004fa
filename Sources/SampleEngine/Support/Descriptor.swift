internal import Glibc

/// Owns one file descriptor and closes it at the end of its life.
package struct Descriptor: ~Copyable, Sendable {
    /// Good as long as this value lives; never keep it longer.
    package let number: Int32

    /// Takes ownership of an open descriptor.
    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }
}
