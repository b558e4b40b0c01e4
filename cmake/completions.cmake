# The completion scripts, from the program's own table of commands and options.
set(completions ${PROJECT_BINARY_DIR}/completions/loci.bash ${PROJECT_BINARY_DIR}/completions/_loci)
add_custom_command(OUTPUT ${completions}
  COMMAND ${CMAKE_COMMAND} -DLOCI=$<TARGET_FILE:loci> -DIN=${PROJECT_SOURCE_DIR}/completions
    -DOUT=${PROJECT_BINARY_DIR}/completions -P ${PROJECT_SOURCE_DIR}/cmake/make_completions.cmake
  DEPENDS loci completions/loci.bash.in completions/_loci.in cmake/make_completions.cmake VERBATIM)
add_custom_target(completions ALL DEPENDS ${completions})
install(FILES ${PROJECT_BINARY_DIR}/completions/loci.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME loci)
install(FILES ${PROJECT_BINARY_DIR}/completions/_loci DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
