# The completion scripts, from their common table of options.
file(READ completions/options.txt table)
string(REGEX REPLACE "(^|\n)#[^\n]*" "" table "${table}")
string(REGEX REPLACE "(^|\n)((command|option) [^\n]*)" "\n\\2" table "${table}")
string(REPLACE "'" "’" table "${table}") # the scripts quote the table in single quotes
file(STRINGS include/loci_sites.def site_lines REGEX "^SITE\\(")
list(TRANSFORM site_lines REPLACE "^SITE\\([^,]*, *\"([^\"]*)\".*" "\\1" OUTPUT_VARIABLE sites)
list(JOIN sites "|" sites)
string(REPLACE "@SITES" "${sites}" LOCI_OPTIONS "${table}")
foreach(script loci.bash _loci)
  configure_file(completions/${script}.in completions/${script} @ONLY)
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS completions/options.txt include/loci_sites.def)
install(FILES ${PROJECT_BINARY_DIR}/completions/loci.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME loci)
install(FILES ${PROJECT_BINARY_DIR}/completions/_loci DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
