internal import CLinuxShims
internal import Glibc
internal import SampleEngine
internal import TopView

/// Writes a table of the screen to the file that was named, whole or not at all.
///
/// A name that exists is left alone unless the export says otherwise; then it has to be a regular file, and is
/// replaced by a finished one, so that a full disk leaves what was there.
func write(_ table: ShownTable, for export: Export) -> ExportResult {
    let path = expanded(export.path)
    let text: String
    do {
        text = try contents(of: table, as: export.format)
    } catch {
        return .failed("its numbers cannot be written")
    }
    var facts = stat()
    let exists = unsafe lstat(path, &facts) == 0
    if exists, facts.st_mode & S_IFMT != S_IFREG { return .failed("that is no regular file") }
    if exists, !export.overwrites { return .exists }

    let target = exists ? path + ".\(getpid()).part" : path
    // Never through a link that somebody has put there meanwhile.
    let file = unsafe open(
        target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, exists ? facts.st_mode & 0o777 : 0o644)
    if file < 0 { return errno == EEXIST ? .exists : .failed(reason()) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            let why = reason()
            close(file)
            unsafe unlink(target)
            return .failed(why)
        }
        rest = rest.dropFirst(count)
    }
    // Some file systems tell of a full disk only here.
    let isWhole = close(file) == 0
    if unsafe !isWhole || exists && rename(target, path) != 0 {
        let why = reason()
        unsafe unlink(target)
        return .failed(why)
    }
    return .written(rows: table.rows.count)
}

/// `~/` is the user's home, as in a shell.
private func expanded(_ path: String) -> String {
    guard path.hasPrefix("~/"), let home = unsafe getenv("HOME") else { return path }
    return unsafe String(cString: home) + path.dropFirst()
}

private func contents(of table: ShownTable, as format: Export.Format) throws -> String {
    var writer: any BatchFormat =
        switch format {
        case .text: TextFormat()
        case .csv: CSVFormat()
        case .json: JSONFormat()
        }
    let frame = BatchFrame(table)
    return writer.preamble(ReportOptions(grouping: table.grouping)) + (try writer.text(frame))
}
