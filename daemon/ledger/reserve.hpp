// SPDX-License-Identifier: Apache-2.0
// Room on the disk that nothing else can take: a file that is let go of when the
// disk is full. Belongs to one thread at a time. Inner header of ledger/.
#pragma once

#include <cstdint>
#include <string>

namespace dsmil::ledger {

class Reserve {
  public:
    Reserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

    // Takes the room, really and not only by name. False when there is not so much and a quarter
    // more, so that what is about full does not give and take all the time.
    [[nodiscard]] bool take();
    void let_go();
    [[nodiscard]] bool held() const { return held_; }
    [[nodiscard]] std::uint64_t wanted() const { return bytes_ + bytes_ / 4; }

  private:
    std::string path_;
    std::uint64_t bytes_;
    bool held_ = false;
};

} // namespace dsmil::ledger
