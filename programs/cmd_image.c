/* loci image: what the model sees of a picture. */
#include "cli.h"

int cmd_image(cli *c) {
  loci_image *image = NULL;
  loci_model_opts opts; /* a projector's file has the image processor, too */
  char path[LOCI_PATH_SIZE];
  const char *out;
  int code = c->host ? EXIT_DONE : cli_model_opts(c, &opts);
  if (c->host) {
    opts = *c->host->opened;
    snprintf(path, sizeof path, "%s", loci_model_get_info(c->host->model)->path);
  } else if (!code) {
    code = cli_model_path(c, path);
  }
  if (code) return code;
  const char *picture = args_get(&c->args, OPT_IMAGE), *from = opts.mmproj ? opts.mmproj : path;
  if (loci_image_read(from, picture, opts.max_pixels, &image, &c->err)) return cli_failed(c);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (!cli_ends_with(out, ".json") && loci_write(&image->result, out, NULL, &c->err))
      code = cli_failed(c);
  if (!code) code = cli_write_json(c, &image->result);
  if (!code && !c->json) {
    printf("%d x %d pixels, read by the model as %d x %d", image->width, image->height,
           image->input_width, image->input_height);
    if (image->tiles_alone)
      printf(" in %d rows of %d tiles, of %d places", image->tiles_down, image->tiles_across,
             image->view_count);
    else if (image->view_count > 1)
      printf(" as a whole, and as %d rows of %d tiles of that size", image->tiles_down,
             image->tiles_across);
    printf("\n");
  }
  if (!code && !c->json && image->orientation > 1)
    printf(
        "EXIF says that it is to be turned (orientation %d), and it is read unturned; --exif turn "
        "makes the other commands turn it\n",
        image->orientation);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    cli_say_written(c, out);
  if (c->host) {
    c->host->keep(c->host->ctx, &image->result);
  } else {
    loci_free(image);
  }
  return code;
}
