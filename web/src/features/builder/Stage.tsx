// The map of the builder: layers, legend, pop-up, zoom and attribution in their fixed corners.
import { Menu, Switch } from '@mantine/core';
import { IconCheck, IconMap } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type Ref, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keepPicture } from '../../lib/map-pictures';
import { BASEMAPS } from '../../map/basemaps';
import {
  basemapOf,
  datasetOf,
  hasLabels,
  layersOf,
  setBasemap,
  setBasemapLabels,
  setVisible,
} from '../../map/document/edit';
import { layerLegend } from '../../map/document/legend';
import { Legend } from '../../map/Legend';
import { geometryOfTiles, type LayerPainter } from '../../map/layers';
import { MapCanvas, type MapHandle, type Picked, type View } from '../../map/MapCanvas';
import { Attribution, ZoomControls } from '../../map/MapControls';
import { Popup } from '../../map/Popup';
import { attributionsOf, type SourceState } from '../../map/sources';
import { IconButton } from '../../ui/IconButton';
import { useFormat } from '../../ui/useFormat';
import { useDocument, useEditor, useEditorStore } from './context';
import styles from './Stage.module.css';

type Props = {
  handle: Ref<MapHandle> & { current: MapHandle | null };
  sources: Record<string, SourceState>;
  painter: LayerPainter;
};

const round = (value: number, digits: number) => Number(value.toFixed(digits));

function BasemapMenu() {
  const { t } = useTranslation();
  const { config } = useDocument();
  const apply = useEditor((editor) => editor.apply);
  const chosen = basemapOf(config);
  return (
    <Menu position="left-end" width={220} closeOnItemClick={false}>
      <div className={styles.basemap}>
        <Menu.Target>
          <IconButton icon={IconMap} label={t('basemap.title')} size={32} tooltipSide="left" />
        </Menu.Target>
      </div>
      <Menu.Dropdown>
        <Menu.Label>{t('basemap.title')}</Menu.Label>
        {BASEMAPS.map((id) => (
          <Menu.Item
            key={id}
            leftSection={<span className={styles.ground} data-basemap={id} />}
            rightSection={chosen === id ? <IconCheck size={14} aria-label={t('person.chosen')} /> : null}
            onClick={() => apply(t('basemap.change'), (document) => setBasemap(document, id))}
          >
            {t(`basemap.${id}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <div className={styles.labels}>
          <Switch
            label={t('basemap.labels')}
            checked={hasLabels(config)}
            onChange={(event) => {
              const { checked } = event.currentTarget;
              apply(t('basemap.change'), (document) => setBasemapLabels(document, checked));
            }}
          />
        </div>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Stage({ handle, sources, painter }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const store = useEditorStore();
  const document = useDocument();
  const navigate = useNavigate();
  const search = useSearch({ from: '/shell/builder/$id' });
  const [picked, setPicked] = useState<Picked | null>(null);
  const [ground, setGround] = useState<string[]>([]);
  const isFirstMove = useRef(true);
  const { config, datasets } = document;

  // Where the map starts; afterwards the map itself leads.
  const [initialView] = useState<View>(() => ({
    ...config.mapState,
    ...(search.lat === undefined || search.lon === undefined
      ? {}
      : { latitude: search.lat, longitude: search.lon }),
    ...(search.zoom === undefined ? {} : { zoom: search.zoom }),
  }));

  const words = { noValue: t('popup.noValue'), other: t('legend.other'), locale: format.locale };
  const legends = layersOf(document).flatMap((layer) => {
    const dataset = datasetOf(document, layer);
    const source = dataset ? sources[dataset.id] : undefined;
    const geometry = geometryOfTiles(source?.tiles ?? null);
    return source && geometry && !layer.config.legend.isHidden
      ? [layerLegend(layer, geometry, source.stats, words)]
      : [];
  });
  const attributions = attributionsOf(datasets, sources);
  const pickedLayer = picked ? layersOf(document).find((layer) => layer.id === picked.layerId) : undefined;
  const popup = pickedLayer ? config.popupSettings.layers[pickedLayer.id] : undefined;

  const onViewChange = (view: View) => {
    setPicked(null);
    void navigate({
      to: '.',
      search: {
        lat: round(view.latitude, 5),
        lon: round(view.longitude, 5),
        zoom: round(view.zoom, 2),
      } as never,
      replace: true,
    });
    // Opening a map moves it once: that is no change.
    if (isFirstMove.current) {
      isFirstMove.current = false;
      return;
    }
    store.getState().look(view);
  };

  return (
    <MapCanvas
      handle={handle}
      basemap={basemapOf(config)}
      hasLabels={hasLabels(config)}
      label={t('map.of', { title: document.title })}
      initialView={initialView}
      layers={(place) => painter.paint(config, datasets, sources, place)}
      onPick={setPicked}
      onViewChange={onViewChange}
      onPicture={(url) => keepPicture(store.getState().id, url, Date.now())}
      onAttribution={(next) => setGround((now) => (now.join() === next.join() ? now : next))}
    >
      <Legend
        legends={legends}
        onToggleLayer={(layerId, isVisible) =>
          store.getState().apply(t('layers.actVisibility'), (now) => setVisible(now, layerId, isVisible))
        }
      />
      {picked && pickedLayer && popup?.enabled && popup.click?.fields.length ? (
        <Popup
          picked={picked}
          title={pickedLayer.config.label}
          fields={popup.click.fields}
          onClose={() => setPicked(null)}
        />
      ) : null}
      <ZoomControls onZoom={(steps) => handle.current?.zoomBy(steps)}>
        <BasemapMenu />
      </ZoomControls>
      <Attribution basemap={ground} data={attributions} />
    </MapCanvas>
  );
}
