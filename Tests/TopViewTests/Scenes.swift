import SampleEngine
import SampleEngineTestSupport

@testable import TopView

/// A model with a terminal's abilities and a profile, as most tests need it.
func model(
    unicode: Bool = true, showing profile: Profile? = usualProfile(), filter: String = "",
    grouping: Set<GroupKey>? = nil, view: View = .functions
) -> TopModel {
    let capabilities = Capabilities(unicode: unicode, colors: .many)
    var model = TopModel(
        .init(capabilities: capabilities, grouping: grouping, filter: (try? Filter(filter)) ?? .everything, view: view))
    if let profile { _ = model.receive(profile) }
    return model
}

/// Ten rows of every kind of code.
func usualProfile() -> Profile {
    var builder = SyntheticProfile()
    builder.addUsualRows()
    return builder.next()
}

/// Rows named by a function each, with so many samples.
func profile(_ rows: KeyValuePairs<String, UInt64>, from builder: inout SyntheticProfile) -> Profile {
    for (name, samples) in rows { builder.add(name, module: "burn", process: "burn", samples: samples) }
    return builder.next()
}

extension TopModel {
    /// Presses keys one after the other; letters are typed.
    mutating func type(_ text: String) {
        for scalar in text.unicodeScalars { _ = press(.character(scalar)) }
    }

    mutating func press(all keys: [Key]) {
        for key in keys { _ = press(key) }
    }

    /// Function names, or what else rows stand for, from top to bottom as they are listed.
    var listed: [String] { rows.map { grouping.contains(.function) ? $0.function : $0.title(in: grouping) } }
    var chosen: String? { cursor.index < listed.count ? listed[cursor.index] : nil }
    /// Samples of all rows on the list.
    var listedSamples: UInt64 { rows.reduce(0) { $0 + $1.selfSamples } }
}

extension Picture {
    /// The screen as text, without blanks at the ends of lines.
    var text: String {
        lines.map { line in
            var text = Substring(line.text)
            while text.last == " " { text.removeLast() }
            return String(text)
        }.joined(separator: "\n") + "\n"
    }
}
