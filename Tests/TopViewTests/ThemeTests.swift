import Foundation
import Testing

@testable import TopView

/// Colors that can be read on the background they are for, and told apart by people who see two of three primaries.
@Suite struct ThemeTests {
    private static let classes: [Role] = [.application, .library, .kernel, .jit]

    @Test(arguments: [(Theme.dark, [0.0], 7.0), (.light, [1.0], 4.5), (.auto, [0, 1], 3.5)])
    func textStandsOutFromItsBackground(theme: Theme, backgrounds: [Double], contrast: Double) throws {
        for role in Role.allCases {
            let look = theme.look(of: role, .many)
            guard let text = look.foreground else { continue }
            if let background = look.background {
                #expect(Shade(text).contrast(to: Shade(background).luminance) >= 7, "\(role)")
                continue
            }
            // What is quiet on purpose may be a little fainter.
            let least = role == .quiet || role == .unknown || role == .live ? min(contrast, 3.9) : contrast
            for background in backgrounds {
                #expect(Shade(text).contrast(to: background) >= least, "\(role) in \(theme)")
            }
        }
    }

    @Test(arguments: [(Theme.dark, 29.0), (.light, 16), (.auto, 19)])
    func kindsOfCodeKeepApartInEveryEye(theme: Theme, least: Double) throws {
        for vision in Shade.Vision.allCases {
            for (place, role) in Self.classes.enumerated() {
                for other in Self.classes[..<place] {
                    // The terminal's own color is nobody's choice.
                    if theme == .auto, other == .application { continue }
                    let shades = try [role, other].map {
                        Shade(try #require(theme.look(of: $0, .many).foreground)).seen(by: vision)
                    }
                    #expect(Shade.distance(shades[0], shades[1]) >= least - 0.5, "\(role), \(other): \(vision)")
                }
            }
        }
    }

    /// 0 to 15 are what the user has made of them; blue on an unknown background is what cannot be read.
    @Test func fewColorsAreUsedWithCare() {
        for theme in Theme.allCases {
            for role in Role.allCases {
                #expect(theme.look(of: role, .mono).foreground == nil && theme.look(of: role, .mono).background == nil)
                let look = theme.look(of: role, .eight)
                #expect((look.foreground ?? 0) < 8 && (look.background ?? 0) < 8)
                if theme != .light { #expect(look.foreground != 4, "\(role) in \(theme)") }
                if theme != .contrast, look.foreground == 0 { #expect(look.background != nil) }
                #expect(theme.look(of: role, .sixteen).foreground ?? 0 < 16)
            }
        }
    }

    /// A role that stands on the same background as plain text has an attribute or a place of its own where no color is.
    @Test func withoutColorsWhatIsChosenStillStandsOut() {
        for role in [Role.selected, .paused, .warning, .chosenTab] {
            #expect(Theme.auto.look(of: role, .mono).reverse)
            #expect(Theme.mono.look(of: role, .many).reverse)
        }
        #expect(Theme.mono.look(of: .match, .many).bold)
    }

    @Test func highContrastIsBlackAndWhite() {
        for role in Role.allCases {
            let look = Theme.contrast.look(of: role, .many)
            let background = Shade(look.background ?? 16).luminance
            #expect(look.background != nil && Shade(look.foreground ?? 16).contrast(to: background) >= 15, "\(role)")
        }
    }

    @Test(arguments: [
        ("15;0", Theme.dark), ("0;15", .light), ("0;default;15", .light), ("12;8", .dark), ("0;7", .light), ("", .auto),
        ("x;y", .auto), ("15;default", .auto), ("1;99", .auto),
    ])
    func theTerminalTellsItsBackground(variable: String, theme: Theme) {
        #expect(Theme.auto.resolved(colorFGBG: variable) == theme)
        #expect(Theme.contrast.resolved(colorFGBG: variable) == .contrast, "what was asked for holds")
    }

    @Test func nothingIsToldByColorAlone() {
        var model = model()
        let drawn = model.draw(columns: 120, lines: 40)
        func letters(_ role: Role) -> Set<Character> {
            Set(
                drawn.lines.filter { $0.runs.contains { $0.role == role } }.compactMap {
                    $0.text.count > 35 ? $0.text[$0.text.index($0.text.startIndex, offsetBy: 35)] : nil
                })
        }
        #expect(letters(.kernel) == ["k"] && letters(.jit) == ["j"] && letters(.library) == ["l"])
        #expect(letters(.unknown) == ["?"])
    }
}

/// A color of the 256, as people see it.
private struct Shade {
    enum Vision: CaseIterable { case usual, protan, deutan, tritan }

    private let linear: [Double]

    /// - Parameter number: 16 to 255, which are the same on every terminal.
    init(_ number: Int16) {
        let number = Int(number)
        let steps = [0.0, 95, 135, 175, 215, 255]
        let cube = number - 16
        let grey = 8 + 10 * Double(number - 232)
        let parts = number >= 232 ? [grey, grey, grey] : [steps[cube / 36], steps[cube / 6 % 6], steps[cube % 6]]
        linear = parts.map { $0 / 255 }.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    }

    private init(linear: [Double]) { self.linear = linear.map { min(max($0, 0), 1) } }

    var luminance: Double { 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] }

    /// As WCAG 2 defines it.
    func contrast(to luminance: Double) -> Double {
        (max(self.luminance, luminance) + 0.05) / (min(self.luminance, luminance) + 0.05)
    }

    /// Machado, Oliveira, Fernandes 2009, at full severity.
    func seen(by vision: Vision) -> Shade {
        let matrix: [[Double]] =
            switch vision {
            case .usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
            case .protan:
                [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
            case .deutan:
                [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
            case .tritan:
                [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
            }
        return Shade(linear: matrix.map { $0[0] * linear[0] + $0[1] * linear[1] + $0[2] * linear[2] })
    }

    /// CIE 1976, in Lab under D65.
    static func distance(_ left: Shade, _ right: Shade) -> Double {
        let apart = zip(left.lab, right.lab).map { $0 - $1 }
        return apart.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    private var lab: [Double] {
        let x = (0.4124 * linear[0] + 0.3576 * linear[1] + 0.1805 * linear[2]) / 0.95047
        let z = (0.0193 * linear[0] + 0.1192 * linear[1] + 0.9505 * linear[2]) / 1.08883
        let parts = [x, luminance, z].map { $0 > 0.008856 ? cbrt($0) : 7.787 * $0 + 16.0 / 116 }
        return [116 * parts[1] - 16, 500 * (parts[0] - parts[1]), 200 * (parts[1] - parts[2])]
    }
}
