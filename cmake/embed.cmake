# Turns a file into a C++ source that returns its text: cmake -DINPUT=… -DOUTPUT=… -DFUNCTION=… -DHEADER=… -P embed.cmake
# Bytes, not a string literal: compilers cap the length of those.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace bantam {\n\nstatic const unsigned char kText[] = {\n${bytes}0x00};\n
std::string_view ${FUNCTION}() { return {reinterpret_cast<const char*>(kText), sizeof kText - 1}; }\n\n}  // namespace bantam\n")
