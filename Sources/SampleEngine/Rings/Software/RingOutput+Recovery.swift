internal import CLinuxShims

/// Dead writers.
///
/// Each writer holds a lock on the byte of the file that stands for its slot, on an open file description of its own
/// (F_OFD_SETLK). The kernel gives the lock back when the last descriptor of that description is gone: when the
/// process ends, however it ends, and in whichever pid namespace it lived. A child that is forked lets go of its parent's
/// description at once (`pt_open_lock`), so that the parent's slot dies with the parent.
///
/// A live owner is never passed over, however slow it is.
extension RingOutput {
    /// Frees a head that waits for what nobody will do any more.
    ///
    /// - Returns: true where the head may have moved.
    func releaseHead(_ slot: UInt64) -> Bool {
        if size == 0 { return false }
        let before = head
        // A writer that died between its commit and its publishing left the publishing to us.
        publish()
        // As many as there can be; whoever writes garbage behind us does not hold us.
        for _ in 0..<size / 8 {
            guard let stuck = stuckRecord(), stuck.mark.owner != slot, !isAlive(stuck.mark.owner),
                takeOver(stuck.distance, stuck.mark, slot)
            else { break }
        }
        return head != before
    }

    /// The record the head waits for, where one was reserved there.
    func stuckRecord() -> (distance: UInt64, mark: RingMark)? {
        if size == 0 { return nil }
        let start = head
        let seen = mark(at: start)
        guard laps(from: start, to: seen) == 0, !seen.isCommitted else { return nil }
        return (start, seen)
    }

    /// True while somebody holds the slot's lock. A slot that nobody can have is as good as dead.
    func isAlive(_ owner: UInt64) -> Bool {
        owner != 0 && pt_is_byte_held(lock, SoftwareLayout.writerByte(owner)) != 0
    }

    /// Makes a dead writer's record ours, writes over it and commits it.
    ///
    /// The compare-and-swap decides between several takers. A taker that dies here is a dead owner like any other.
    private func takeOver(_ distance: UInt64, _ seen: RingMark, _ slot: UInt64) -> Bool {
        let bytes = seen.bytes
        // No writer of ours reserves more or less: what is there is garbage, and nothing is made of it.
        guard slot != 0, bytes >= 8, bytes <= limit else { return false }
        let mine = seen.owned(by: slot)
        guard marks.replace(seen.raw, by: mine.raw, markOffset(distance)) else { return true }
        var place = position(distance, bytes)
        var rest = bytes
        if rest > 65_528 {
            // With a LOST record in front, a reservation can be longer than any record. How many that one would have
            // told of nobody knows any more; `refused` still counts them.
            writeLost(0, at: place, bytes: Self.lostSize, event: 0)
            place &+= Self.lostSize
            rest -= Self.lostSize
        }
        if rest >= 24 {
            writeLost(1, at: place, bytes: rest, event: 0)
        } else {
            writeUnknown(at: place, bytes: rest)
        }
        state.add(1, SoftwareLayout.skipped)
        return commit(distance, bytes, slot)
    }

    /// True where some record that is not committed belongs to a slot, or something of the control page does.
    ///
    /// Called for a slot whose lock was just taken: what is there, a dead writer left.
    func isInUse(_ slot: UInt64) -> Bool {
        if holdsPage(slot) { return true }
        if size == 0 { return false }
        var place = head
        for _ in 0..<size / 8 + 4096 {
            let seen = mark(at: place)
            let age = laps(from: place, to: seen)
            if age < 0 || seen.bytes == 0 { return false }
            if age > 0 {
                place = head
                continue
            }
            if seen.owner == slot, !seen.isCommitted { return true }
            place &+= seen.bytes
        }
        return true
    }
}
