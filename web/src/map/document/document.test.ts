// The map document: every change is a new document, and CARTO's own parser draws what we write.
import { getLayerDescriptor } from '@carto/api-client';
import { expect, test } from 'vitest';
import { newDataset, newDocument, newLayer, popupFields } from './create';
import {
  addLayer,
  basemapOf,
  duplicateLayer,
  layersOf,
  moveLayer,
  removeLayer,
  setBasemap,
  setChannels,
  setPopup,
  setSource,
  setVisible,
} from './edit';
import { categoriesOf, layerLegend, legendColors } from './legend';
import { PALETTES, paletteColors, paletteRange } from './palettes';
import { contentOf, documentFrom } from './repair';
import type { Geometry, MapDocument } from './types';

const words = { noValue: 'No value', other: 'Other', locale: 'en' };

function withLayer(
  id: string,
  geometry: Geometry = 'point',
  document = newDocument('Airports', 'positron'),
): MapDocument {
  const position = layersOf(document).length;
  const dataset = newDataset(
    {
      id: `data-${id}`,
      connection: 'carto_dw',
      type: 'table',
      source: 'demo.airports',
      geoColumn: 'geom',
      label: id,
    },
    position,
  );
  const layer = newLayer({ id, dataId: dataset.id, label: id, geometry, position, basemap: 'positron' });
  return addLayer(document, dataset, layer, [{ name: 'name' }]);
}

const twoLayers = () => withLayer('b', 'polygon', withLayer('a'));

test('a new layer comes on top and has a pop-up', () => {
  const document = twoLayers();
  expect(layersOf(document).map((layer) => layer.id)).toEqual(['b', 'a']);
  expect(document.config.popupSettings.layers.b!.click!.fields).toEqual([{ name: 'name' }]);
});

test('moving, hiding and removing leave the document before as it was', () => {
  const document = twoLayers();
  const before = JSON.stringify(document);
  expect(layersOf(moveLayer(document, 'b', 1)).map((layer) => layer.id)).toEqual(['a', 'b']);
  expect(layersOf(setVisible(document, 'a', false))[1]!.config.isVisible).toBe(false);
  expect(removeLayer(document, 'a').datasets.map((dataset) => dataset.id)).toEqual(['data-b']);
  expect(JSON.stringify(document)).toBe(before);
});

test('a move to nowhere changes nothing', () => {
  const document = twoLayers();
  expect(moveLayer(document, 'b', 9)).toBe(document);
  expect(moveLayer(document, 'gone', 0)).toBe(document);
});

test('a dataset shared by two layers stays until the last one goes', () => {
  const document = duplicateLayer(withLayer('a'), 'a', 'a2', 'Copy');
  expect(removeLayer(document, 'a').datasets).toHaveLength(1);
  expect(removeLayer(removeLayer(document, 'a'), 'a2').datasets).toHaveLength(0);
});

test('point halos follow the ground when the basemap changes', () => {
  const document = setBasemap(withLayer('a'), 'dark-matter');
  expect(basemapOf(document.config)).toBe('dark-matter');
  expect(document.config.mapStyle.styleType).toBe(document.config.basemapConfig.styleId);
  expect(layersOf(document)[0]!.config.visConfig.strokeColor).toEqual([0x14, 0x18, 0x1d]);
});

test('a new query lets go of channels and pop-up columns that it no longer has', () => {
  const coloured = setPopup(
    setChannels(withLayer('a'), 'a', { colorField: { name: 'pop', type: 'number' } }),
    'a',
    { fields: [{ name: 'name' }, { name: 'pop' }] },
  );
  const next = setSource(coloured, 'data-a', { type: 'query', source: 'SELECT 1', geoColumn: 'geom' }, [
    { name: 'name', type: 'string' },
  ]);
  expect(layersOf(next)[0]!.visualChannels.colorField).toBeNull();
  expect(next.config.popupSettings.layers.a!.click!.fields).toEqual([{ name: 'name' }]);
});

test('what is written is read back the same', () => {
  const document = twoLayers();
  expect(documentFrom(JSON.parse(JSON.stringify(contentOf(document))))).toEqual(document);
});

test.each([
  ['nothing at all', undefined, undefined],
  [
    'filters as a list, popups missing',
    { version: 'v1', config: { filters: [], visState: { layers: [] } } },
    [],
  ],
  [
    'an unknown basemap',
    { version: 'v1', config: { mapStyle: { styleType: 'moon' }, visState: { layers: [] } } },
    [],
  ],
  [
    'layers without channels, text and style',
    {
      version: 'v1',
      config: { visState: { layers: [{ id: 'a', type: 'old', config: { dataId: 'd' } }, null, 4] } },
    },
    [{ id: 'd', source: 'demo.cities', columns: null }, 'junk'],
  ],
])('a stored map with %s opens', (_what, keplerMapConfig, datasets) => {
  const document = documentFrom({ title: 'x', keplerMapConfig, datasets });
  expect(basemapOf(document.config)).toBe('positron');
  for (const layer of layersOf(document)) {
    expect(layer.type).toBe('unknown');
    expect(layer.visualChannels.colorField).toBeNull();
  }
});

test('keys of other tools survive a round trip', () => {
  const stored = {
    version: 'v1',
    config: { widgets: [{ id: 'w' }], mySetting: 7, visState: { layers: [] } },
  };
  expect(documentFrom({ keplerMapConfig: stored, datasets: [] }).config).toMatchObject({
    widgets: [{ id: 'w' }],
    mySetting: 7,
  });
});

const POPULATION = {
  attribute: 'pop',
  type: 'Number' as const,
  min: 0,
  max: 100,
  quantiles: { '4': [0, 1, 5, 20, 100] },
};

test('CARTO’s client reads our channels and colours by them', () => {
  const document = setChannels(
    withLayer('a'),
    'a',
    { colorField: { name: 'pop', type: 'number' }, colorScale: 'quantile' },
    { colorRange: paletteRange('Teal', 'sequential', 4) },
  );
  const data = {
    tiles: ['http://localhost/v3/maps/carto_dw/table/{z}/{x}/{y}?name=x&formatTiles=binary'],
    tilestats: { layers: [{ geometry: 'Point', attributes: [POPULATION] }] },
  };
  const descriptor = getLayerDescriptor({
    mapConfig: document.config,
    layer: layersOf(document)[0],
    dataset: { ...document.datasets[0], data },
  } as unknown as Parameters<typeof getLayerDescriptor>[0]);
  const colors = paletteColors('Teal', 'sequential', 4);
  expect(descriptor.scales.fillColor?.range?.map((color) => String(color).toLowerCase())).toEqual(colors);
  const colorOf = (pop: number | null) => descriptor.props.getFillColor({ properties: { pop } }).slice(0, 3);
  expect(colorOf(0)).toEqual([0xd1, 0xee, 0xea]);
  expect(colorOf(99)).toEqual([0x2a, 0x56, 0x74]);
  expect(descriptor.props.pickable).toBe(true);
  expect(descriptor.props.getLineColor.slice(0, 3)).toEqual([0xf6, 0xf6, 0xf4]);
});

test('the legend has one entry per class, with bounds that meet', () => {
  const legend = legendColors('pop', 'quantile', paletteRange('Teal', 'sequential', 4), POPULATION, words)!;
  expect(legend.entries.map((entry) => entry.text)).toEqual(['0 – 1', '1 – 5', '5 – 20', '20 – 100']);
});

test('equal steps are equal', () => {
  const legend = legendColors('pop', 'quantize', paletteRange('Teal', 'sequential', 5), POPULATION, words)!;
  expect(legend.entries.map((entry) => entry.text)).toEqual([
    '0 – 20',
    '20 – 40',
    '40 – 60',
    '60 – 80',
    '80 – 100',
  ]);
});

test('categories beyond the palette are shown as other', () => {
  const stats = {
    attribute: 'kind',
    type: 'String' as const,
    categories: ['a', 'b', null, 'c', 'd'].map((category, at) => ({ category, frequency: 10 - at })),
  };
  const range = paletteRange('Bold', 'qualitative', 3);
  expect(categoriesOf(range, stats)).toEqual(['a', 'b', 'c']);
  expect(legendColors('kind', 'ordinal', range, stats, words)!.entries.at(-1)!.text).toBe('Other');
});

test('a line takes its legend colour from its stroke', () => {
  const document = withLayer('roads', 'line');
  expect(layerLegend(layersOf(document)[0]!, 'line', {}, words)).toMatchObject({
    color: '#11a579',
    stroke: null,
  });
});

test('every palette has colours for every number of classes that we offer', () => {
  for (const [type, names] of Object.entries(PALETTES)) {
    for (const name of names) {
      for (const classes of [2, 3, 5, 7]) {
        const colors = paletteColors(name, type as keyof typeof PALETTES, classes);
        expect(colors, `${name} ${classes}`).toHaveLength(classes);
        expect(new Set(colors).size, `${name} ${classes}`).toBe(classes);
      }
    }
  }
});

test('pop-ups start with ten columns and no geometry', () => {
  const columns = Array.from({ length: 14 }, (_, at) => ({ name: `c${at}`, type: 'string' }));
  expect(popupFields([{ name: 'geom', type: 'geometry' }, ...columns])).toHaveLength(10);
});
