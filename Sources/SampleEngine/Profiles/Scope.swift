/// One row of another table, as what a table is narrowed to: only samples of that row count.
public struct Scope: Sendable, Equatable {
    /// What the other table was grouped by.
    public let grouping: Set<GroupKey>
    /// The row's identity.
    public let key: RowKey

    /// The samples of the row with this key in a table grouped like this.
    public init(_ key: RowKey, of grouping: Set<GroupKey>) {
        self.key = key
        self.grouping = grouping
    }
}

/// Asks of each part of a place whether the scopes hold it; all parts together decide.
struct Scopes {
    private let scopes: [Scope]
    let areEmpty: Bool

    init(_ scopes: [Scope]) {
        self.scopes = scopes
        areEmpty = scopes.isEmpty
    }

    func hold(_ function: FunctionID?, in module: ModuleID?) -> Bool {
        scopes.allSatisfy { scope in
            // As in the table: a function tells its module.
            let asksModule = scope.grouping.contains(.module)
            return (!scope.grouping.contains(.function) || scope.key.function == function)
                && (!asksModule || scope.key.module == module)
        }
    }

    func hold(process name: String, pid: Int32, user: UInt32?) -> Bool {
        scopes.allSatisfy { scope in
            // As in the table: what is no process has its name instead of numbers.
            let hasNumbers = !scope.grouping.isDisjoint(with: [.pid, .thread, .user])
            if hasNumbers, pid < 0 || scope.key.process != nil && !scope.grouping.contains(.process) {
                return pid < 0 && scope.key.process == name
            }
            return (!scope.grouping.contains(.process) || scope.key.process == name)
                && (!scope.grouping.contains(.pid) || scope.key.pid == pid)
                && (!scope.grouping.contains(.user) || scope.key.user == user)
        }
    }

    func hold(_ cell: Cell) -> Bool {
        scopes.allSatisfy { scope in
            (!scope.grouping.contains(.thread) || scope.key.thread == nil || scope.key.thread == cell.thread)
                && (!scope.grouping.contains(.cpu) || scope.key.cpu == cell.cpu)
                && (!scope.grouping.contains(.event) || scope.key.event == cell.event)
        }
    }
}
