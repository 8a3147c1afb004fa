internal import Synchronization

/// Who writes the control page's count: a number never given twice, and the writer's slot.
struct PageHolder {
    let raw: UInt64
    init(raw: UInt64) { self.raw = raw }
    init(ticket: UInt64, owner: UInt64) { raw = ticket << 8 | owner & 0xff }
    var owner: UInt64 { raw & 0xff }
}

/// The state of a count that waits to be written into the control page.
struct PageOffer {
    let raw: UInt64
    init(raw: UInt64) { self.raw = raw }
    init(ticket: UInt64, owner: UInt64, isReady: Bool) { raw = ticket << 10 | (owner & 0xff) << 2 | (isReady ? 2 : 1) }
    /// Of its three values none is missing.
    var isReady: Bool { raw & 3 == 2 }
    var isBeingMade: Bool { raw & 3 == 1 }
    var owner: UInt64 { raw >> 2 & 0xff }
    /// True where this one was made later than the one with another ticket, modulo 2⁵⁴.
    func isNewer(than ticket: UInt64) -> Bool { Int64(bitPattern: (raw >> 10 &- ticket) << 10) > 0 }
    var ticket: UInt64 { raw >> 10 }
}

/// The writing side of the control page's seqlock: odd → write → even.
///
/// Nobody waits: each update is first put into a place of its own in the state, then whoever gets hold of the page
/// writes the newest of them. Who does not get hold of it leaves; the holder looks again after letting go:
///
///     put the values down ── hold the page? ── no ──► leave
///                                │ yes
///                                └► odd → newest → even → let go → anything put down meanwhile? ── yes: again
extension RingOutput {
    /// Writes count and times, all or none of them; also from a signal handler on top of another update.
    ///
    /// - Returns: false where the values were not taken: too many updates were under way at once.
    package func updatePage(count: UInt64, enabled: UInt64, running: UInt64) -> Bool {
        let slot = self.slot
        guard slot != 0, let place = placeForOffer(slot) else { return false }
        let making = PageOffer(raw: state.relaxed(place))
        state.storeRelaxed(count, place + 8)
        state.storeRelaxed(enabled, place + 16)
        state.storeRelaxed(running, place + 24)
        state.storeSequential(PageOffer(ticket: making.ticket, owner: slot, isReady: true).raw, place)
        writeOffers(slot)
        return true
    }

    private func placeForOffer(_ slot: UInt64) -> Int? {
        let ticket = state.add(1, SoftwareLayout.ticket)
        for number in 0..<SoftwareLayout.offerCount {
            let place = Self.offer(number)
            let making = PageOffer(ticket: ticket, owner: slot, isReady: false)
            if state.relaxed(place) == 0, state.replace(0, by: making.raw, place) { return place }
        }
        return nil
    }

    private static func offer(_ number: Int) -> Int { SoftwareLayout.offers + number * SoftwareLayout.offerSize }

    private func writeOffers(_ slot: UInt64) {
        // Each turn but the first was caused by another's update; garbage cannot hold us for ever.
        for _ in 0..<64 {
            let mine = PageHolder(ticket: state.add(1, SoftwareLayout.ticket), owner: slot)
            guard state.replace(0, by: mine.raw, SoftwareLayout.pageHolder) else { return }
            writeNewest()
            guard state.replace(mine.raw, by: 0, SoftwareLayout.pageHolder), newestOffer() != nil else { return }
        }
    }

    private func newestOffer() -> (place: Int, offer: PageOffer)? {
        var newest: (place: Int, offer: PageOffer)?
        for number in 0..<SoftwareLayout.offerCount {
            let offer = PageOffer(raw: state.sequential(Self.offer(number)))
            if offer.isReady, newest.map({ offer.isNewer(than: $0.offer.ticket) }) ?? true {
                newest = (Self.offer(number), offer)
            }
        }
        return newest
    }

    /// Writes the newest of what was put down; only the page's holder does.
    private func writeNewest() {
        let sequence = control.relaxedHalf(ControlPage.lock)
        // Odd means that a holder died while it was writing: what it was writing is still there.
        let odd = sequence | 1
        guard let (place, offer) = newestOffer() else {
            if sequence == odd { control.storeReleaseHalf(odd &+ 1, ControlPage.lock) }
            return
        }
        if sequence == odd || offer.isNewer(than: state.relaxed(SoftwareLayout.pageTicket)) {
            control.storeRelaxedHalf(odd, ControlPage.lock)
            // The stores below stay below the odd number.
            atomicMemoryFence(ordering: .releasing)
            control.storeRelaxedHalf(0, ControlPage.index)
            control.storeRelaxed(state.relaxed(place + 8), ControlPage.offset)
            control.storeRelaxed(state.relaxed(place + 16), ControlPage.timeEnabled)
            control.storeRelaxed(state.relaxed(place + 24), ControlPage.timeRunning)
            control.storeReleaseHalf(odd &+ 1, ControlPage.lock)
            state.storeRelaxed(offer.ticket, SoftwareLayout.pageTicket)
        }
        // Given free only now: had we died before, they would still be there for the next holder.
        for number in 0..<SoftwareLayout.offerCount {
            let place = Self.offer(number)
            let other = PageOffer(raw: state.relaxed(place))
            if other.isReady, !other.isNewer(than: offer.ticket) { _ = state.replace(other.raw, by: 0, place) }
        }
    }

    // MARK: Dead holders

    /// True where somebody who is gone holds the page, or a place for an update.
    var pageIsAbandoned: Bool {
        let holder = PageHolder(raw: state.acquire(SoftwareLayout.pageHolder))
        if holder.raw != 0, !isAlive(holder.owner) { return true }
        return (0..<SoftwareLayout.offerCount).contains { number in
            let offer = PageOffer(raw: state.relaxed(Self.offer(number)))
            return offer.isBeingMade && !isAlive(offer.owner)
        }
    }

    /// True where a slot holds the page, or a place for an update that is not ready.
    func holdsPage(_ slot: UInt64) -> Bool {
        if PageHolder(raw: state.acquire(SoftwareLayout.pageHolder)).owner == slot { return true }
        return (0..<SoftwareLayout.offerCount).contains { number in
            let offer = PageOffer(raw: state.relaxed(Self.offer(number)))
            return offer.isBeingMade && offer.owner == slot
        }
    }

    /// Completes what a dead holder began.
    func recoverPage(_ slot: UInt64) {
        for number in 0..<SoftwareLayout.offerCount {
            let offer = PageOffer(raw: state.relaxed(Self.offer(number)))
            if offer.isBeingMade, offer.owner != slot, !isAlive(offer.owner) {
                _ = state.replace(offer.raw, by: 0, Self.offer(number))
            }
        }
        let holder = PageHolder(raw: state.acquire(SoftwareLayout.pageHolder))
        guard holder.raw != 0, holder.owner != slot, !isAlive(holder.owner) else { return }
        // Numbers are never given twice, so this cannot take the page from a new writer in the same slot.
        let mine = PageHolder(ticket: state.add(1, SoftwareLayout.ticket), owner: slot)
        guard state.replace(holder.raw, by: mine.raw, SoftwareLayout.pageHolder) else { return }
        writeNewest()
        _ = state.replace(mine.raw, by: 0, SoftwareLayout.pageHolder)
        writeOffers(slot)
    }
}
