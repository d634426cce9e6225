// Our own basemaps: where their styles are and what they are called.
import type { Scheme } from '../ui/palette';
import type { BasemapId } from './document/create';

export const BASEMAPS: readonly BasemapId[] = ['positron', 'voyager', 'dark-matter'];

export function styleUrl(basemap: BasemapId, hasLabels: boolean): string {
  return `/basemaps/gl/${basemap}${hasLabels ? '' : '-nolabels'}-gl-style/style.json`;
}

/** For previews, which follow the workspace: the quiet one of each scheme. */
export function basemapFor(scheme: Scheme): BasemapId {
  return scheme === 'dark' ? 'dark-matter' : 'positron';
}
