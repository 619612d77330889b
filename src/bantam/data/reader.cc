#include "bantam/data/reader.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/data/delimited.h"
#include "bantam/data/line_reader.h"

namespace bantam {
namespace {

constexpr std::string_view kDocumentEnd = "<|endoftext|>";
constexpr std::uint64_t kLongestJsonFile = std::uint64_t{1} << 30;

/// Collects rows of one file: counts, skips bad ones within the allowance, stamps origin and
/// defaults.
class RowCollector {
 public:
  RowCollector(std::string where, const ReadOptions& options, ReadReport& report)
      : file_(std::make_shared<const std::string>(std::move(where))),
        options_(options),
        report_(report) {}

  bool full() const {
    return options_.limit > 0 && static_cast<std::int64_t>(rows.size()) >= options_.limit;
  }

  /// Runs `make`, which gives one row or throws about it.
  void add(std::int64_t number, bool is_line, const std::function<Row()>& make) {
    try {
      Row row = make();
      row.origin = {file_, number, is_line};
      rows.push_back(std::move(row));
      ++report_.rows;
    } catch (const Error& error) {
      skip(error);
    }
  }

  /// Counts a bad row, or throws when the allowance is used up.
  void skip(const Error& error) {
    if (error.kind() != Error::Kind::input || report_.skipped >= options_.skip_bad) {
      if (options_.skip_bad == 0) throw error;
      throw Error(error.kind(), fmt::format("{} (bad row {}; --skip-bad allows {})", error.what(),
                                            report_.skipped + 1, options_.skip_bad));
    }
    ++report_.skipped;
    if (report_.skipped_because.size() < 5) report_.skipped_because.emplace_back(error.what());
  }

  std::vector<Row> rows;

 private:
  std::shared_ptr<const std::string> file_;
  const ReadOptions& options_;
  ReadReport& report_;
};

/// parse_json speaks of "line 1, column 7" of the text it got; here that text is line `number` of a
/// file.
Json parse_json_line(std::string_view line, const std::string& where, std::int64_t number) {
  try {
    return parse_json(line);
  } catch (const Error& error) {
    std::string_view text = error.what();
    constexpr std::string_view kPrefix = "line 1, column ";
    if (!text.starts_with(kPrefix)) throw error.at(fmt::format("{}:{}", where, number));
    text.remove_prefix(kPrefix.size());
    throw Error(error.kind(), fmt::format("{}:{}:{}", where, number, text));
  }
}

Row row_at(Json object, const RowOptions& options, const std::string& place) {
  try {
    return row_from_json(std::move(object), options);
  } catch (const Error& error) {
    throw error.at(place);
  }
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

void collect_jsonl(LineReader& lines, const ReadOptions& options, ReadReport& report,
                   RowCollector& collector) {
  std::string_view line;
  while (!collector.full()) {
    try {
      if (!lines.next(line)) break;
    } catch (const Error& error) {
      if (!lines.can_go_on()) throw;
      collector.skip(error);
      continue;
    }
    if (is_blank(line)) {
      ++report.blank_lines;
      continue;
    }
    const std::int64_t number = lines.number();
    collector.add(number, true, [&] {
      return row_at(parse_json_line(line, lines.where(), number), options.row,
                    fmt::format("{}:{}", lines.where(), number));
    });
  }
}

void collect_table(LineReader& lines, char separator, const ReadOptions& options,
                   RowCollector& collector) {
  DelimitedReader table(lines, separator);
  while (!collector.full()) {
    Json object;
    try {
      if (!table.next(object)) break;
    } catch (const Error& error) {
      if (!lines.can_go_on()) throw;
      collector.skip(error);
      continue;
    }
    collector.add(table.number(), true, [&] {
      return row_at(std::move(object), options.row,
                    fmt::format("{}:{}", lines.where(), table.number()));
    });
  }
}

std::string read_all(ByteStream& stream, const std::string& where, std::uint64_t limit) {
  std::string content, block(std::size_t{1} << 18, '\0');
  while (const std::size_t count = stream.read(block)) {
    content.append(block, 0, count);
    if (content.size() > limit) {
      throw input_error(
          "{}: longer than {} bytes, the limit for one JSON value; write one object a line "
          "(.jsonl)",
          where, with_commas(static_cast<std::int64_t>(limit)));
    }
  }
  return content;
}

void collect_json(ByteStream& stream, const std::string& where, const ReadOptions& options,
                  RowCollector& collector) {
  std::string content = read_all(stream, where, kLongestJsonFile);
  std::string_view text = content;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (is_blank(text)) return;
  Json value;
  try {
    value = parse_json(text);
  } catch (const Error& error) {
    throw error.at(where);
  }
  if (value.is_object() && value.contains("data") && value["data"].is_array())
    value = Json(std::move(value["data"]));
  if (value.is_object()) value = Json::array({std::move(value)});
  if (!value.is_array())
    throw input_error("{}: expected an array of rows, found another JSON value", where);
  for (std::size_t i = 0; i < value.size() && !collector.full(); ++i) {
    const auto number = static_cast<std::int64_t>(i) + 1;
    collector.add(number, false, [&] {
      return row_at(std::move(value[i]), options.row, fmt::format("{}: item {}", where, number));
    });
  }
}

void collect_text(LineReader& lines, RowCollector& collector) {
  std::string document;
  std::int64_t first_line = 1;
  const auto close = [&] {
    if (!is_blank(document) && document.find_first_not_of('\n') != std::string::npos &&
        !collector.full()) {
      collector.add(first_line, true, [&] {
        Row row;
        row.kind = Row::Kind::text;
        row.text = std::move(document);
        return row;
      });
    }
    document.clear();
    first_line = lines.number() + 1;
  };
  std::string_view line;
  while (lines.next(line)) {
    if (line == kDocumentEnd) {
      close();
    } else {
      document += line;
      document += '\n';
    }
  }
  close();
}

/// ".jsonl" for "rows.jsonl.gz"; "" when there is none.
std::string format_of(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
  return name.extension().string();
}

constexpr std::string_view kFormats =
    ".jsonl, .json, .csv, .tsv or .txt, each also with .gz or .zst";

void note_encoding(const LineReader& lines, ReadReport& report) {
  if (lines.had_byte_order_mark())
    report.notes.push_back(lines.where() + ": removed a byte order mark");
  if (lines.had_carriage_returns()) report.notes.push_back(lines.where() + ": read CRLF line ends");
}

std::vector<Row> read_file_rows(const std::string& path, const ReadOptions& options,
                                ReadReport& report) {
  const std::string where = path == "-" ? "standard input" : escaped(path);
  const std::string format = path == "-" ? ".jsonl" : format_of(path);
  if (format == ".parquet") {
    throw input_error(
        "{}: expected {}, found parquet; write it as JSON lines, for example with DuckDB: COPY "
        "(FROM "
        "'in.parquet') TO 'out.jsonl'",
        where, kFormats);
  }
  RowCollector collector(where, options, report);
  std::unique_ptr<ByteStream> stream = open_byte_stream(path, options.stream);
  if (format == ".json") {
    collect_json(*stream, where, options, collector);
    return std::move(collector.rows);
  }
  LineReader lines(std::move(stream), where, options.longest_line);
  if (format == ".jsonl" || format == ".ndjson") {
    collect_jsonl(lines, options, report, collector);
  } else if (format == ".csv" || format == ".tsv") {
    collect_table(lines, format == ".csv" ? ',' : '\t', options, collector);
  } else if (format == ".txt" || format == ".md") {
    collect_text(lines, collector);
  } else {
    throw input_error("{}: expected a file ending in {}, found '{}'", where, kFormats,
                      escaped(format));
  }
  note_encoding(lines, report);
  return std::move(collector.rows);
}

/// The files of a folder by split; listed sorted, so that the order of rows is the same everywhere.
std::map<std::string, std::vector<std::string>> split_files_of(const std::string& folder) {
  std::map<std::string, std::vector<std::string>> files;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string split = standard_split_name(std::string_view(name).substr(0, name.find('.')));
    const std::string format = format_of(name);
    const bool readable = format == ".jsonl" || format == ".json" || format == ".csv" ||
                          format == ".tsv" || format == ".txt";
    if (!split.empty() && readable)
      files[split].push_back((std::filesystem::path(folder) / name).string());
  }
  if (files.empty()) {
    std::string found;
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 8); ++i)
      found += (i ? ", " : "") + escaped(names[i], 60);
    throw input_error(
        "{}: expected train.jsonl, dev.jsonl or test.jsonl (or another of {}), found {}",
        escaped(folder), kFormats, names.empty() ? "an empty folder" : found);
  }
  return files;
}

std::vector<Row> read_folder_rows(const DataRef& ref, const ReadOptions& options,
                                  ReadReport& report) {
  std::vector<Row> rows;
  const auto files = split_files_of(ref.path);
  for (const std::string_view split : {"train", "dev", "test"}) {
    const auto found = files.find(std::string(split));
    if (found == files.end() || (!ref.split.empty() && ref.split != split)) continue;
    for (const std::string& file : found->second) {
      for (Row& row : read_file_rows(file, options, report)) {
        if (row.split.empty()) row.split = split;
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

/// Rows without an id are named by their content: the same row has the same id in every file and
/// run.
void name_rows(std::vector<Row>& rows) {
  std::map<std::string, int> times_seen;
  for (Row& row : rows) {
    if (row.id_was_given) continue;
    row.id = content_hash(row).substr(0, 16);
    if (const int times = ++times_seen[row.id]; times > 1) row.id += fmt::format("~{}", times);
  }
}

}  // namespace

std::vector<Row> read_jsonl(std::unique_ptr<ByteStream> stream, const std::string& where,
                            const ReadOptions& options, ReadReport* report) {
  ReadReport unwanted;
  ReadReport& counts = report ? *report : unwanted;
  RowCollector collector(where, options, counts);
  LineReader lines(std::move(stream), where, options.longest_line);
  collect_jsonl(lines, options, counts, collector);
  name_rows(collector.rows);
  return std::move(collector.rows);
}

std::vector<Row> read_rows(const DataRef& ref, const ReadOptions& options, ReadReport* report) {
  ReadReport unwanted;
  ReadReport& counts = report ? *report : unwanted;
  std::error_code ignored;
  const bool folder = ref.path != "-" && std::filesystem::is_directory(ref.path, ignored);
  std::vector<Row> rows =
      folder ? read_folder_rows(ref, options, counts) : read_file_rows(ref.path, options, counts);
  if (rows.empty() && counts.skipped == 0) {
    throw input_error("{}: 0 examples: the {} is empty{}", escaped(ref.path),
                      folder ? "folder" : "file",
                      counts.blank_lines > 0 ? " but for blank lines" : "");
  }
  if (!ref.split.empty()) {
    std::erase_if(rows, [&](const Row& row) { return row.split != ref.split; });
  }
  if (rows.empty()) {
    throw input_error("{}: 0 examples{}{}", escaped(ref.path),
                      ref.split.empty() ? "" : fmt::format(" of split '{}'", escaped(ref.split)),
                      counts.skipped > 0
                          ? fmt::format(" left; {} rows were bad, the first: {}", counts.skipped,
                                        counts.skipped_because.front())
                          : "");
  }
  for (Row& row : rows) {
    if (row.source.empty()) row.source = ref.name;
  }
  name_rows(rows);
  return rows;
}

}  // namespace bantam
