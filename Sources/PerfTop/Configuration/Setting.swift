internal import CToml
internal import SampleEngine

/// One line of a configuration file.
struct Setting {
    /// What a file can hold for a key.
    enum Value {
        case text(String)
        case integer(Int64)
        case number(Double)
        case flag(Bool)
        case list([Value])
        /// A kind that no option takes, in words: `a table`.
        case other(String)
    }

    let key: String
    let line: Int
    var value: Value
}

extension Setting {
    /// What stands in a TOML document, line by line.
    ///
    /// - Parameter name: what messages call the file.
    static func all(in document: [UInt8], of name: String) throws(EngineError) -> [Setting] {
        var reading = Reading()
        unsafe withUnsafeMutablePointer(to: &reading) { reading in
            unsafe document.withUnsafeBufferPointer { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                    // An empty array need have no address.
                    guard let start = text.baseAddress else { return }
                    unsafe pt_toml_read(start, text.count, reading) { context, item in
                        guard let context = unsafe context, let item = unsafe item else { return }
                        unsafe context.assumingMemoryBound(to: Reading.self).pointee.take(item.pointee)
                    }
                }
            }
        }
        if let problem = reading.problem {
            throw EngineError(
                .usage, what: "\(name):\(problem.line):\(problem.column)",
                why: "this is not TOML: \(displayText(problem.reason, limit: 200))",
                remedy: "--no-config leaves the file out")
        }
        return reading.settings.sorted { $0.line < $1.line }
    }

    private struct Reading {
        var settings: [Setting] = []
        var problem: (line: UInt32, column: UInt32, reason: String)?

        mutating func take(_ item: pt_toml_item) {
            let text = unsafe Self.string(item.text, item.text_length)
            if unsafe item.kind == PT_TOML_PROBLEM {
                problem = unsafe (item.line, item.column, text)
                return
            }
            let value: Value =
                switch unsafe item.kind {
                case PT_TOML_STRING: .text(text)
                case PT_TOML_INTEGER: unsafe .integer(item.integer)
                case PT_TOML_FLOAT: unsafe .number(item.number)
                case PT_TOML_BOOLEAN: unsafe .flag(item.integer != 0)
                case PT_TOML_ARRAY: .list([])
                default: .other(text)
                }
            if unsafe item.is_element == 0 {
                settings.append(
                    Setting(
                        key: unsafe Self.string(item.key, item.key_length), line: Int(unsafe item.line), value: value))
            } else if let last = settings.indices.last, case .list(var elements) = settings[last].value {
                // Let go first: a long array is not copied for each of its elements.
                settings[last].value = .list([])
                elements.append(value)
                settings[last].value = .list(elements)
            }
        }

        private static func string(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
            guard let start = unsafe start else { return "" }
            return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
        }
    }
}

extension Setting.Value {
    /// As a message shows it.
    var shown: String {
        switch self {
        case .text(let text): "\"\(displayText(text, limit: 100))\""
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .list(let values):
            "[" + values.prefix(8).map(\.shown).joined(separator: ", ") + (values.count > 8 ? ", …]" : "]")
        case .other(let kind): kind
        }
    }
}
