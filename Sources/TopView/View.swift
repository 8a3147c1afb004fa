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

    init?(_ action: Action) {
        switch action {
        case .functions: self = .functions
        case .flame: self = .flame
        case .tree: self = .tree
        case .callers: self = .callers
        case .processes: self = .processes
        case .modules: self = .modules
        case .threads: self = .threads
        case .cpus: self = .cpus
        case .rings: self = .rings
        default: return nil
        }
    }
}
