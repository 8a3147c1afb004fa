/// What reading each file may still cost: one budget a minute, however often the file is written to or touched meanwhile.
///
/// A file that stays as it is may be read again, for its whole budget: how often is for `RereadPauses` to say. What earlier
/// contents of it have cost is taken from the budget of the next one.
struct ReadingAccounts<File: Hashable, Content: Equatable> {
    private var accounts: [File: Account] = [:]
    /// Nanoseconds of processor time.
    let budget: UInt64
    /// Nanoseconds after which a file has a new budget.
    let period: UInt64

    private struct Account {
        var content: Content
        /// What the contents before this one have cost, and the most that a reading of this one has.
        var earlier: UInt64 = 0
        var most: UInt64 = 0
        let begun: Instant

        var spent: UInt64 { earlier.addingSaturating(most) }
    }

    /// Accounts kept; of more files than that, those begin anew that have cost least.
    private static var limit: Int { 1024 }

    init(budget: UInt64 = ReadingMeter.Limits().nanoseconds, period: UInt64) {
        self.budget = budget
        self.period = period
    }

    var byteCount: Int { 96 * accounts.count }

    /// What reading a content of a file may cost.
    func left(of file: File, with content: Content, at now: Instant) -> UInt64 {
        guard let account = accounts[file], isOpen(account, now) else { return budget }
        let spent = account.earlier.addingSaturating(account.content == content ? 0 : account.most)
        return budget - min(budget, spent)
    }

    /// A file was read.
    mutating func charge(_ file: File, with content: Content, cost: UInt64, at now: Instant) {
        let known = accounts[file].flatMap { isOpen($0, now) ? $0 : nil }
        if known == nil { makeRoom(now) }
        var account = known ?? Account(content: content, begun: now)
        if account.content != content {
            account.earlier = account.earlier.addingSaturating(account.most)
            account.most = 0
            account.content = content
        }
        account.most = max(account.most, cost)
        accounts[file] = account
    }

    private func isOpen(_ account: Account, _ now: Instant) -> Bool {
        now.nanoseconds(since: account.begun) < period
    }

    private mutating func makeRoom(_ now: Instant) {
        guard accounts.count >= Self.limit else { return }
        accounts = accounts.filter { isOpen($0.value, now) }
        guard accounts.count >= Self.limit else { return }
        for (file, _) in accounts.sorted(by: { $0.value.spent < $1.value.spent }).prefix(Self.limit / 8) {
            accounts[file] = nil
        }
    }
}
