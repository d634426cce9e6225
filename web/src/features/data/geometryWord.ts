// The server's word for the geometry of a table, as the key of ours.
import { geometryOf } from '../../map/document/create';

export function geometryWord(
  type: string | null | undefined,
): 'point' | 'line' | 'polygon' | 'mixed' | 'none' {
  return type ? (geometryOf(type) ?? 'mixed') : 'none';
}
