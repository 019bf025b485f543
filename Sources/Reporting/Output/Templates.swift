import Foundation
import Mustache

/// What a template is filled with: texts, truth values, and lists of the same.
typealias View = [String: Any]

/// The pages' templates (Templates/), which are part of the executable.
enum Templates {
    /// One page, complete.
    static func render(_ name: String, _ view: View) throws(ReportingError) -> String {
        MustacheContentTypes.register(HTMLText(), named: HTMLText.name)
        var library = MustacheLibrary()
        for (name, text) in sources {
            do { try library.register(text, named: name) } catch {
                throw .template(name: name, detail: "\(error)")
            }
        }
        var view = view
        view["stylesheet"] = String(decoding: PackageResources.style_css, as: UTF8.self)
        guard let page = library.render(view, withTemplate: name) else {
            throw .template(name: name, detail: "not found")
        }
        return page
    }

    private static let sources: [(name: String, text: String)] = [
        ("page", PackageResources.page_mustache), ("path", PackageResources.path_mustache),
        ("bars", PackageResources.bars_mustache), ("distances", PackageResources.distances_mustache),
        ("findings", PackageResources.findings_mustache),
        ("comparison", PackageResources.comparison_mustache),
        ("contact-sheet", PackageResources.contact_sheet_mustache),
        ("training", PackageResources.training_mustache), ("linechart", PackageResources.linechart_mustache),
    ].map { name, bytes in
        // A line break at the end of a partial would become a space between words. A partial does not inherit its page's
        // way of escaping, so that each one gets it here and none can lack it.
        let text = String(decoding: bytes, as: UTF8.self).reversed().drop { $0 == "\n" }.reversed()
        return (name, "{{% CONTENT_TYPE:\(HTMLText.name)}}" + String(text))
    }
}
