internal import Glibc
internal import SampleEngine

/// The file that defaults come from: which one, and whether it is to be trusted.
struct ConfigurationFile {
    let path: String
    /// The command line names it: then it has to be there and in order.
    let isNamed: Bool

    /// What reading gave.
    enum Contents {
        case bytes([UInt8])
        case absent
        /// It is there but is not to be used; why.
        case refused(String)
    }

    /// More than anybody writes by hand.
    private static var limit: Int { 65_536 }

    /// Nil: there is no place for one.
    init?(_ arguments: Arguments) {
        if let named = arguments.config {
            path = named
            isNamed = true
            return
        }
        guard !arguments.noConfig else { return nil }
        // A relative path is to be ignored (XDG Base Directory Specification).
        if let folder = Environment.ours.configurationFolder, folder.hasPrefix("/") {
            path = folder + "/perftop/config.toml"
        } else if let home = Environment.ours.home, home.hasPrefix("/") {
            path = home + "/.config/perftop/config.toml"
        } else {
            return nil
        }
        isNamed = false
    }

    /// Reads it whole. What is judged is the file that was opened, wherever links led; nothing here can wait for
    /// somebody, as the other end of a pipe.
    func read() -> Contents {
        do throws(Errno) {
            let descriptor = try systemCall(raising: .results) {
                unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            }
            defer { close(descriptor) }
            var status = stat()
            _ = try systemCall { unsafe fstat(descriptor, &status) }
            if let reason = Self.reasonToRefuse(status) { return .refused(reason) }
            // One byte more than is taken tells whether there is more.
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: Self.limit + 1)
            while bytes.count <= Self.limit {
                let count = try systemCall { unsafe Glibc.read(descriptor, &chunk, chunk.count - bytes.count) }
                if count == 0 { return .bytes(bytes) }
                bytes += chunk[..<count]
            }
            return .refused(Self.tooLarge)
        } catch .noEntry {
            return .absent
        } catch {
            return error.number == ENOTDIR ? .absent : .refused("it cannot be read (\(error.text))")
        }
    }

    private static let tooLarge = "it is larger than 64 KiB"

    /// perftop often runs as root: what only other people can have written is not read.
    private static func reasonToRefuse(_ status: stat) -> String? {
        guard status.st_mode & S_IFMT == S_IFREG else { return "it is no regular file" }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            return "it belongs to user \(status.st_uid), neither to you nor to root"
        }
        if status.st_mode & S_IWOTH != 0 { return "everybody can write to it; chmod go-w" }
        if status.st_mode & S_IWGRP != 0, !isGroup(status.st_gid, privateTo: status.st_uid) {
            return "its group can write to it; chmod g-w"
        }
        return status.st_size > limit ? tooLarge : nil
    }

    /// Whether a group is one user's own, as where files are made group-writable by default (umask 002).
    private static func isGroup(_ group: gid_t, privateTo user: uid_t) -> Bool {
        guard let account = unsafe getpwuid(user), unsafe account.pointee.pw_gid == group,
            let name = unsafe account.pointee.pw_name.map({ unsafe String(cString: $0) }),
            let entry = unsafe getgrgid(group), let members = unsafe entry.pointee.gr_mem,
            unsafe entry.pointee.gr_name.map({ unsafe String(cString: $0) }) == name
        else { return false }
        var index = 0
        while let member = unsafe members[index] {
            if unsafe String(cString: member) != name { return false }
            index += 1
        }
        return true
    }
}
