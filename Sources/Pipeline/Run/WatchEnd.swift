import Foundation

/// When watching ends, as people say it on the command line.
public enum WatchEnd {
    /// Seconds from `now` until the clock next shows `text` (`06:30`, `6:30`, 24 hours, local time); nil when it is no time of day.
    public static func seconds(
        until text: String, from now: Date = Date(), calendar: Calendar = .current
    ) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 2, (1...2).contains(parts[0].count),
            let hour = Int(parts[0]), let minute = Int(parts[1]), (0...23).contains(hour), (0...59).contains(minute),
            let moment = calendar.nextDate(
                after: now, matching: DateComponents(hour: hour, minute: minute, second: 0), matchingPolicy: .nextTime)
        else { return nil }
        return moment.timeIntervalSince(now)
    }

    /// Seconds of a span such as `8h`, `90m`, `45s` or `1h30m`; nil when it is none, or nothing.
    public static func seconds(for text: String) -> Double? {
        var rest = Substring(text.lowercased())
        var total = 0.0
        for (unit, factor) in [("h", 3600.0), ("m", 60.0), ("s", 1.0)] {
            guard let end = rest.firstIndex(of: Character(unit)) else { continue }
            guard let number = Double(rest[..<end]), number >= 0, number < 1e6 else { return nil }
            total += number * factor
            rest = rest[rest.index(after: end)...]
        }
        return rest.isEmpty && total > 0 ? total : nil
    }
}
