// Its name is banned, and it ends the process. The words abort() and "exit(1)" in comments and texts are no violation.
const char* text = "exit(1)";
void stop() { abort(); }
