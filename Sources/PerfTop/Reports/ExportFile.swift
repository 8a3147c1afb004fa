internal import CLinuxShims
internal import Glibc
internal import SampleEngine
internal import TopView

/// Writes a table of the screen to the file that was named, whole or not at all.
///
/// It is written beside it under a name that nobody can guess, and gets the name when it is finished. A name that
/// exists is left alone unless the export says otherwise; then it has to be a regular file, and its owner and mode stay.
func write(_ table: ShownTable, for export: Export) -> ExportResult {
    let path = expanded(export.path)
    let text: String
    do {
        text = try contents(of: table, as: export.format)
    } catch {
        return .failed("its numbers cannot be written")
    }
    // Where root points is where root's own hand would reach.
    return Rights.raising(.results) { write(text, to: path, of: table.rows.count, overwriting: export.overwrites) }
}

private func write(_ text: String, to path: String, of rows: Int, overwriting: Bool) -> ExportResult {
    var facts = stat()
    let exists = unsafe lstat(path, &facts) == 0
    if exists, facts.st_mode & S_IFMT != S_IFREG { return .failed("that is no regular file") }
    if exists, !overwriting { return .exists }

    var template = Array((path + ".XXXXXX").utf8CString)
    let file = unsafe template.withUnsafeMutableBufferPointer { name -> Int32 in
        guard let start = name.baseAddress else { return -1 }
        return unsafe mkstemp(start)
    }
    if file < 0 { return .failed(reason()) }
    let part = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if let why = fill(file, with: text, exists ? facts : nil) ?? name(part, path, replacing: exists) {
        unsafe unlink(part)
        return why
    }
    return .written(rows: rows)
}

/// Nil: all of it is in the file.
private func fill(_ file: Int32, with text: String, _ former: stat?) -> ExportResult? {
    var isOpen = true
    defer { if isOpen { close(file) } }
    if let former {
        guard fchown(file, former.st_uid, former.st_gid) == 0, fchmod(file, former.st_mode & 0o777) == 0 else {
            return .failed("its owner cannot be kept: \(reason())")
        }
    } else {
        let mask = umask(0o077)
        umask(mask)
        fchmod(file, 0o666 & ~mask)
    }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            return .failed(reason())
        }
        rest = rest.dropFirst(count)
    }
    // Some file systems tell of a full disk only here.
    isOpen = false
    return close(file) == 0 ? nil : .failed(reason())
}

/// Nil: the finished file has its name. A name that has come to be meanwhile is not taken from anybody unasked.
private func name(_ part: String, _ path: String, replacing: Bool) -> ExportResult? {
    if replacing { return unsafe rename(part, path) == 0 ? nil : .failed(reason()) }
    if unsafe pt_rename_new(part, path) == 0 { return nil }
    return errno == EEXIST ? .exists : .failed(reason())
}

/// `~/` is the user's home, as in a shell.
private func expanded(_ path: String) -> String {
    guard path.hasPrefix("~/"), let home = Environment.ours.home else { return path }
    return home + path.dropFirst()
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
