internal import CLinuxShims

/// An open-addressing table from a hash to the number of an entry kept elsewhere.
///
/// The one hash table of the sampling path: entries live in a plain array, this finds them.
/// Linear probing, doubled when half full: a longer search is one that the processor guesses wrong. No allocation once
/// it has grown. A slot holds the upper
/// hash bits beside the entry's number, so that nearly every miss is seen without a look at the entry:
///
///     slot = [ hash >> 32 : 32 bits | entry + 1 : 32 bits ]      0 = free
package struct HashIndex: ~Copyable {
    private var slots: [UInt64]
    private var mask: Int
    package private(set) var count = 0

    package init(capacity: Int = 256) {
        let size = max(16, capacity).nextPowerOfTwo
        slots = Array(repeating: 0, count: size)
        mask = size - 1
    }

    /// The entry with this hash that satisfies `isWanted`; nil where there is none.
    @inline(__always)
    package func find(_ hash: UInt64, where isWanted: (Int) -> Bool) -> Int? {
        let tag = hash & 0xffff_ffff_0000_0000
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[position]
            if slot == 0 { return nil }
            if slot & 0xffff_ffff_0000_0000 == tag {
                let entry = Int(truncatingIfNeeded: slot & 0xffff_ffff) - 1
                if isWanted(entry) { return entry }
            }
            position = (position + 1) & mask
        }
    }

    /// The first entry whose upper hash bits are these, unseen; −1 where there is none.
    @inline(__always)
    package func guess(_ hash: UInt64) -> Int {
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[position]
            if slot == 0 { return -1 }
            if (slot ^ hash) >> 32 == 0 { return Int(truncatingIfNeeded: slot & 0xffff_ffff) - 1 }
            position = (position + 1) & mask
        }
    }

    /// Adds an entry that `find` did not find. The lower hash bits of a slot are not kept: growing asks for them.
    package mutating func insert(_ hash: UInt64, entry: Int, hashOf: (Int) -> UInt64) {
        if (count + 1) * 2 > slots.count { grow(hashOf) }
        place(hash, entry)
        count += 1
    }

    private mutating func place(_ hash: UInt64, _ entry: Int) {
        var position = Int(truncatingIfNeeded: hash) & mask
        while slots[position] != 0 { position = (position + 1) & mask }
        slots[position] = hash & 0xffff_ffff_0000_0000 | UInt64(entry + 1)
    }

    private mutating func grow(_ hashOf: (Int) -> UInt64) {
        let old = slots
        slots = Array(repeating: 0, count: old.count * 2)
        mask = slots.count - 1
        for slot in old where slot != 0 {
            let entry = Int(truncatingIfNeeded: slot & 0xffff_ffff) - 1
            place(hashOf(entry), entry)
        }
    }

    /// Forgets one entry, closing the gap it leaves in its run of slots.
    package mutating func remove(_ hash: UInt64, entry: Int, hashOf: (Int) -> UInt64) {
        var position = Int(truncatingIfNeeded: hash) & mask
        while slots[position] != 0, Int(truncatingIfNeeded: slots[position] & 0xffff_ffff) - 1 != entry {
            position = (position + 1) & mask
        }
        guard slots[position] != 0 else { return }
        var hole = position
        count -= 1
        while true {
            position = (position + 1) & mask
            let slot = slots[position]
            if slot == 0 { break }
            let home = Int(truncatingIfNeeded: hashOf(Int(truncatingIfNeeded: slot & 0xffff_ffff) - 1)) & mask
            // Only an entry whose home does not lie between the hole and itself may move back.
            if (position - home) & mask >= (position - hole) & mask {
                slots[hole] = slot
                hole = position
            }
        }
        slots[hole] = 0
    }

    package mutating func removeAll() {
        if count > 0 { for position in slots.indices { slots[position] = 0 } }
        count = 0
    }
}

/// Mixes two words into a well-spread hash (a multiply folded onto itself).
///
/// With two secret numbers of this process: addresses are chosen by whoever is sampled, and must not be such that they
/// all meet in one place of a table.
@inline(__always)
package func mixed(_ first: UInt64, _ second: UInt64 = 0) -> UInt64 {
    let product = (first ^ pt_first_seed()).multipliedFullWidth(by: second ^ pt_second_seed())
    // Numbers that follow each other are still in step behind one multiplication by an unlucky number.
    let spread = (product.high ^ product.low) &* 0x9e37_79b9_7f4a_7c15
    return spread ^ spread >> 32
}

extension Int {
    /// The smallest power of two that is not smaller.
    package var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
