// Where a place of the earth stands on the screen: spherical Mercator from its formulas, none of the clients' code.

/** Pixels of the whole world at zoom 0, in MapLibre and deck.gl. */
const WORLD_AT_ZOOM_0 = 512;

const unit = ([longitude, latitude]) => {
  const sine = Math.sin((latitude * Math.PI) / 180);
  return [(longitude + 180) / 360, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
};

/** Pixels from the top left corner, for a map of this size that looks straight down with north up. */
export function screenPlace(place, { longitude, latitude, zoom }, { width, height }) {
  const world = WORLD_AT_ZOOM_0 * 2 ** zoom;
  const [x, y] = unit(place);
  const [centerX, centerY] = unit([longitude, latitude]);
  return [width / 2 + (x - centerX) * world, height / 2 + (y - centerY) * world];
}
