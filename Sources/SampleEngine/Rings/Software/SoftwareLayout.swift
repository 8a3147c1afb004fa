/// Where the writers' own words are in a software ring's memory: far behind what a reader maps.
///
///     0            8 GiB    16 GiB                    20 GiB
///     | ring …     | state  | commit marks …          |        one sparse file
///     | control, data pages | 8 bytes for 8 of data   |
///
/// Words that many write are 64 bytes apart, so that they do not share a line of the cache.
package enum SoftwareLayout {
    /// Places and lengths in the file.
    package static let stateOffset = 8 << 30
    package static let stateSize = 65_536
    package static let marksOffset = 16 << 30
    package static let fileSize = 20 << 30

    /// Which file this is, and which version of this layout.
    package static let magicNumber: UInt64 = 0x7065_7266_746f_7001
    package static let magic = 0
    /// Said once, when the ring is made: `RingMode`, purpose, events in the table, bytes between two wake-ups.
    package static let mode = 8
    package static let purpose = 16
    package static let eventCount = 24
    package static let watermark = 32
    /// Data pages and one, 0 while no size was chosen.
    package static let sizeWord = 40
    /// A distance that was reserved up to, or one reservation short of it: see `RingOutput`.
    package static let reserved = 128
    /// Refused records that no LOST record has told of, and all that ever were refused.
    package static let pending = 192
    package static let refused = 256
    /// Records of dead writers that were passed over.
    package static let skipped = 320
    /// Writers that ever attached.
    package static let attached = 328
    /// The time to take for now, in nanoseconds; 0 for the real one.
    package static let clock = 384
    /// Numbers that are never given twice.
    package static let ticket = 448
    /// Who writes the control page's count; and the ticket of what stands there.
    package static let pageHolder = 512
    package static let pageTicket = 520

    /// Counts that wait to be written into the control page: a state word, a ticket, three values.
    package static let offers = 1024
    package static let offerSize = 64
    package static let offerCount = 16

    /// The event table: id, fixed period, frequency, length of the name, name; and the counts of each.
    package static let events = 4096
    package static let eventSize = 128
    package static let mostEvents = 16
    package static let counts = 8192
    package static let countSize = 64

    /// Bytes of the file that stand for things alive, each locked as long as the thing lives: the mappings of the
    /// ring together, then one for each writer.
    package static let mappedByte: Int64 = 1 << 40
    package static let mostWriters: UInt64 = 255
    /// The byte that is locked for a writer, by its slot.
    package static func writerByte(_ slot: UInt64) -> Int64 { mappedByte + Int64(slot & 0xff) }
}

/// The commit mark beside each eight bytes of data; only those where a record begins are in use.
///
///     63                  23 22            9 8        1 0
///     | lap, 41 bits        | size / 8, 14  | writer 8 | committed |
///
/// One word, so that a reservation shows its size and its owner in the instant in which it is made.
package struct RingMark {
    package let raw: UInt64

    /// A mark as it lies in memory.
    @inline(__always)
    package init(raw: UInt64) { self.raw = raw }

    /// A reservation that is not committed.
    @inline(__always)
    package init(lap: UInt64, bytes: UInt64, owner: UInt64) {
        raw = lap << 23 | (bytes >> 3 & 0x3fff) << 9 | (owner & 0xff) << 1
    }

    /// How often the ring had been gone through, and one; modulo 2⁴¹.
    @inline(__always) package var lap: UInt64 { raw >> 23 }
    /// Of the reservation, header and all.
    @inline(__always) package var bytes: UInt64 { (raw >> 9 & 0x3fff) << 3 }
    /// Slot of the writer, 1…255.
    @inline(__always) package var owner: UInt64 { raw >> 1 & 0xff }
    /// True once the record is whole.
    @inline(__always) package var isCommitted: Bool { raw & 1 != 0 }
    /// The same reservation, committed.
    @inline(__always) package var committed: RingMark { RingMark(raw: raw | 1) }

    /// The same reservation in other hands.
    @inline(__always)
    package func owned(by slot: UInt64) -> RingMark { RingMark(raw: raw & ~0x1fe | (slot & 0xff) << 1) }
}
