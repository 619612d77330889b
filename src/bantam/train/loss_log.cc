#include "bantam/train/loss_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <string>

#include "bantam/base/error.h"
#include "bantam/base/system_error.h"

namespace bantam {
namespace {

constexpr const char* kName = "log.jsonl";

}  // namespace

LossLog::LossLog(const Path& folder, std::uint64_t bytes) : path_(folder / kName), bytes_(bytes) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw system_error(errno, path_, "open", Error::Kind::resources);
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0 || static_cast<std::uint64_t>(facts.st_size) < bytes) {
    ::close(descriptor_);
    throw input_error("{}: has {} bytes, the checkpoint was written after {}",
                      escaped(path_.native()), facts.st_size, bytes);
  }
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0 ||
      ::lseek(descriptor_, static_cast<off_t>(bytes), SEEK_SET) < 0) {
    const int code = errno;
    ::close(descriptor_);
    throw system_error(code, path_, "cut", Error::Kind::resources);
  }
}

LossLog::~LossLog() { ::close(descriptor_); }

void LossLog::add(const Json& line) {
  const std::string text = dump_json(line) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(errno, path_, "write", Error::Kind::resources);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  bytes_ += text.size();
}

std::uint64_t LossLog::sync() {
  if (::fsync(descriptor_) != 0) {
    throw system_error(errno, path_, "sync", Error::Kind::resources);
  }
  return bytes_;
}

std::vector<LossLogEntry> read_loss_log(const Path& folder) {
  std::vector<LossLogEntry> entries;
  if (!std::filesystem::exists(folder / kName)) return entries;
  const std::string text = read_file(folder / kName, std::uint64_t{1} << 32);
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const Json line = parse_json(std::string_view(text).substr(begin, end - begin));
    const bool is_evaluation = line.contains("eval_loss");
    const Json& loss = is_evaluation ? line["eval_loss"] : line.at("loss");
    entries.push_back(
        {line.at("step").get<std::int64_t>(),
         loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>(),
         is_evaluation});
  }
  return entries;
}

}  // namespace bantam
