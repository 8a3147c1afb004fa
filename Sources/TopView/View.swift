public import SampleEngine

/// The ways to look at a profile, numbered as their keys.
public enum View: Int, CaseIterable, Sendable, Hashable {
    case functions = 1
    case flame, tree, callers, processes, modules, threads, cpus, rings

    /// The word in the tab line.
    public var title: String {
        switch self {
        case .functions: "Functions"
        case .flame: "Flame"
        case .tree: "Tree"
        case .callers: "Callers"
        case .processes: "Processes"
        case .modules: "Modules"
        case .threads: "Threads"
        case .cpus: "CPUs"
        case .rings: "Rings"
        }
    }

    /// What `--view` calls it.
    public var name: String { title.lowercased() }

    var shortTitle: String {
        switch self {
        case .functions: "Func"
        case .callers: "Call"
        case .processes: "Proc"
        case .modules: "Mod"
        case .threads: "Thr"
        case .cpus: "CPU"
        case .rings: "Ring"
        case .flame, .tree: title
        }
    }

    /// Whether the view exists; the others say so when they are asked for.
    public var isBuilt: Bool { self == .rings || grouping != nil }

    /// What one row stands for at first; nil where rows are not groups of samples.
    public var grouping: Set<GroupKey>? {
        switch self {
        case .functions: [.process, .module, .function]
        case .processes: [.process, .pid]
        case .modules: [.module]
        case .threads: [.process, .pid, .thread]
        case .cpus: [.cpu]
        case .flame, .tree, .callers, .rings: nil
        }
    }

    /// What its key does.
    var action: Action {
        switch self {
        case .functions: .functions
        case .flame: .flame
        case .tree: .tree
        case .callers: .callers
        case .processes: .processes
        case .modules: .modules
        case .threads: .threads
        case .cpus: .cpus
        case .rings: .rings
        }
    }

    init?(_ action: Action) {
        guard let view = Self.allCases.first(where: { $0.action == action }) else { return nil }
        self = view
    }
}
