// SPDX-License-Identifier: Apache-2.0
// A page of numbers in Prometheus' text format, version 0.0.4.
#pragma once

#include <format>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace dsmil::prometheus {

inline constexpr auto content_type = "text/plain; version=0.0.4; charset=utf-8";

class Page {
  public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        std::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    }
    // Labels are words of our own: nothing in them needs an escape.
    template <typename Number>
    void sample(std::string_view name, std::string_view labels, Number value) {
        std::format_to(std::back_inserter(text_), "{}{}{}{} {}\n", name, labels.empty() ? "" : "{", labels,
                       labels.empty() ? "" : "}", value);
    }
    template <typename Number>
    void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
        family(name, type, help);
        sample(name, "", value);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

} // namespace dsmil::prometheus
