extension ProcessTable {
    /// One generation of a process. Generations of one pid form a list, from the newest to the oldest and back.
    struct Life {
        var generation: Generation
        var pid: Int32
        var birth: UInt64
        var firstSeen: UInt64
        var death: UInt64 = .max
        var origin: Generation
        var parent: Generation?
        var comm: [UInt8]?
        var space = AddressSpace()
        var earlier: Int?
        var later: Int?
        var isWanted: Bool
        /// Its threads, where they are known from its birth on.
        var threads: Int?
        /// In `touched`, so that the resolver hears of it with this slice.
        var isTouched = false
        /// Samples were counted at addresses of its own, which only the resolver can place: it needs the mappings.
        var hasOwnAddresses = false
        /// What the resolver knows of it is out of date.
        var isNews = true
        /// The resolver knows of it, and must hear of its end to forget it again.
        var isTold = false
        /// When its mappings were dropped for want of room; 0 for never.
        var blanked: UInt64 = 0
        /// No life at all: a place for the next one.
        var isFree = false
    }
}
