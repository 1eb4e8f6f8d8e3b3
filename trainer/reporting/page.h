// The page around the sections of a report: head, style sheet, contents. Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

namespace kindred {

struct PageSection {
  std::string id;     // of [a-z0-9-]
  std::string title;  // text
  std::string html;
};

// A whole HTML document that refers to nothing outside of itself; its content security policy forbids the browser to
// fetch anything. `subtitle_html` is HTML, `title` text.
std::string PageHtml(const std::string& title, const std::string& subtitle_html,
                     const std::vector<PageSection>& sections);

}  // namespace kindred
