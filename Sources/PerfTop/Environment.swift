internal import CLinuxShims
internal import Glibc
internal import SampleEngine

/// What is heeded of the environment: the one place, before anything of it is looked at.
///
/// | Who starts us | What is left |
/// |---|---|
/// | a user, with rights that only our file has (`setcap`) | the words below; they name what lies in the system's folders |
/// | root, also by sudo | all but paths that lead to where another user decides what lies there |
/// | a user | all: it is his own |
///
/// What runs before `main` looks at some of it, and is no way in: the dynamic linker and the C library drop their own variables
/// of folders and files where rights are the file's (ld.so(8), AT_SECURE); the Swift runtime takes words from SWIFT_DEBUG_…, and
/// the program that SWIFT_BACKTRACE names is not run by a file with rights; our own constructors read the argument list, the
/// clocks of our time namespace and random numbers. For root the runtime has been told by then what to run where we crash; where that
/// is another user's, `main` takes it back.
///
/// A COMMAND gets the environment as it came.
struct Environment: Sendable {
    /// `HOME` and `XDG_CONFIG_HOME`, for the configuration, which is read with the caller's own rights; nil where they are not
    /// followed.
    let home: String?
    let configurationFolder: String?

    /// Words that curses, the C library or we look at: a terminal type, languages, colors and sizes.
    ///
    /// Not TERMINFO, TERMINFO_DIRS, TERMCAP, TERMPATH and HOME, which lead curses to descriptions that it takes on trust;
    /// LOCPATH, NLSPATH, GCONV_PATH and TZDIR, which lead the C library to files and code; NCURSES_…, SWIFT_…, MALLOC_….
    private static let words: Set<String> = [
        "TERM", "COLORTERM", "COLORFGBG", "NO_COLOR", "COLUMNS", "LINES", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE",
        "LC_MESSAGES", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "TZ",
    ]

    /// Names of files and folders, or lists of them with colons.
    private static let paths: Set<String> = [
        "TERMINFO", "TERMINFO_DIRS", "TERMCAP", "TERMPATH", "HOME", "XDG_CONFIG_HOME", "LOCPATH", "NLSPATH",
        "GCONV_PATH", "TZDIR", "TZ",
    ]

    /// Taken at the first look, which `main` is to have before it does anything else and while there is no other thread.
    static let ours = Environment()

    private init() {
        let variables = Self.all()
        var kept: [String: String] = [:]
        // Nothing is left but what is known, whatever was not understood.
        if Rights.areOfTheFile { clearenv() }
        for (name, value) in variables {
            let isHeeded =
                if Rights.areOfTheFile {
                    Self.words.contains(name) && Self.isWord(value)
                } else {
                    geteuid() != 0 || Self.isRoots(value, of: name)
                }
            if Rights.areOfTheFile, isHeeded { unsafe setenv(name, value, 1) }
            if !isHeeded { unsafe unsetenv(name) }
            // A type that is no word is an unknown one, and not none.
            if !isHeeded, name == "TERM" { unsafe setenv(name, "?", 1) }
            if isHeeded || Rights.areOfTheFile { kept[name] = value }
        }
        if geteuid() == 0, let told = kept["SWIFT_BACKTRACE"],
            !Self.isRoots(crashHandler: told, below: kept["SWIFT_ROOT"])
        {
            for signal in [SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV, SIGQUIT] {
                _ = Glibc.signal(signal, SIG_DFL)
            }
        }
        home = kept["HOME"]
        configurationFolder = kept["XDG_CONFIG_HOME"]
    }

    /// Byte by byte: to a string a sign and a mark that follows it are one letter.
    private static func all() -> [(name: String, value: String)] {
        var variables: [(String, String)] = []
        while let text = unsafe pt_first_variable(Int32(variables.count)) {
            let parts = unsafe Array(String(cString: text).utf8)
                .split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            variables.append(
                (
                    String(decoding: parts[0], as: UTF8.self),
                    String(decoding: parts.dropFirst().first ?? [], as: UTF8.self)
                ))
        }
        return variables
    }

    /// Whether nobody but root decides what the runtime runs where we crash: `enable=yes,swift-backtrace=PATH`.
    private static func isRoots(crashHandler told: String, below root: String?) -> Bool {
        let paths = parts(of: told, at: ",").compactMap { parts(of: $0, at: "=").dropFirst().first }
        return (paths.filter { $0.utf8.contains(slash) } + [root ?? "/"]).allSatisfy { isOnlyOurs(Array($0.utf8)) }
    }

    private static let slash = UInt8(ascii: "/")

    private static func parts(of text: String, at sign: Unicode.Scalar) -> [String] {
        text.utf8.split(separator: UInt8(ascii: sign)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// No path: what it names is looked up where the system keeps such things.
    private static func isWord(_ value: String) -> Bool {
        value.utf8.count <= 64 && !value.hasPrefix(".") && !value.contains("..")
            && value.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") }
    }

    /// Whether root's perftop heeds it: a word that is one; of paths each where nobody but root decides what lies there. A time
    /// zone may be a word; what stands for a path may be a whole description (`hex:…`, terminfo(5)).
    private static func isRoots(_ value: String, of name: String) -> Bool {
        if words.contains(name), name != "TZ" { return isWord(value) }
        if !paths.contains(name) || name == "TZ" && !value.utf8.contains(slash) { return true }
        return parts(of: value, at: ":").allSatisfy { isOnlyOurs(Array($0.utf8)) }
    }
}
