/// Text of others for a terminal or a log.
public enum OneLine {
    /// The text with `?` for every control and direction character, which could move a terminal's cursor or turn the line.
    public static func text(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            line.unicodeScalars.append([.control, .format].contains(scalar.properties.generalCategory) ? "?" : scalar)
        }
        return line
    }
}
