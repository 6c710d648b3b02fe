// SPDX-License-Identifier: Apache-2.0
// Everything that dsmilctl prints: data to standard output, talk to standard
// error, and what can go wrong with that.
#pragma once

#include "dsmil/catalog.hpp"
#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

class Output {
  public:
    explicit Output(bool json);

    [[nodiscard]] bool json() const { return json_; }

    void line(std::string_view text);
    void text(std::string_view lines);              // whole lines, as they are
    void object(const boost::json::object &object); // one line
    // Columns aligned; the last is not padded. colours has an SGR code or an
    // empty string for each row.
    void table(const std::vector<std::vector<std::string>> &rows,
               const std::vector<std::string_view> &colours = {});

    // The SGR code for a risk; empty when colours are off.
    [[nodiscard]] std::string_view colour(dsmil::Risk risk) const;

    // Brings what is buffered out. False once a write failed; see finish().
    [[nodiscard]] bool flush();
    // For commands that follow: the reader of the pipe may go away when it has
    // seen enough, and that is no error.
    void may_lose_reader() { may_lose_reader_ = true; }
    [[nodiscard]] bool reader_gone() const;

    // Reports an error (an object with --json) and returns its exit code.
    // `extra` goes into the error object, and its strings, or arrays of them,
    // to standard error as "key: text".
    [[nodiscard]] int fail(const dsmil::Error &error, const boost::json::object &extra = {});

    // At the end: everything is written and `status` holds, or it does not.
    [[nodiscard]] int finish(int status);

  private:
    void write(std::string_view text);

    bool json_;
    bool colours_;
    bool may_lose_reader_ = false;
    int failed_ = 0; // errno of the first failed write
};

// The text with what a terminal or JSON would take amiss (control characters,
// bytes outside ASCII) as '?': names of processes are the caller's choice.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace dsmilctl
