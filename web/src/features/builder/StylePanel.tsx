// How one layer looks: colour, outline, size, opacity, and what a click shows.

import type { TilejsonResult } from '@carto/api-client';
import { Button, Switch, Tabs } from '@mantine/core';
import { IconArrowLeft, IconCode } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { hexFromRgb, rgbFromHex } from '../../lib/color';
import { GROUND, isOwnOutline } from '../../map/document/create';
import {
  basemapOf,
  datasetOf,
  setChannels,
  setColor,
  setLegendHidden,
  setStyle,
} from '../../map/document/edit';
import type { Layer } from '../../map/document/types';
import { geometryOfTiles } from '../../map/layers';
import type { SourceState } from '../../map/sources';
import { IconButton } from '../../ui/IconButton';
import { ErrorState } from '../../ui/States';
import { ColorChannel } from './ColorChannel';
import { useDocument, useEditor } from './context';
import { PopupEditor } from './PopupEditor';
import { SizeChannel } from './SizeChannel';
import { SliderRow } from './SliderRow';
import styles from './StylePanel.module.css';

export type StyleColumn = { name: string; type: string };

/** The columns that tiles carry: what a layer can be styled by. */
export function columnsOf(tiles: TilejsonResult | null): StyleColumn[] {
  const schema = (tiles as { schema?: StyleColumn[] } | null)?.schema;
  if (schema?.length) return schema.filter((column) => column.type !== 'geometry');
  const attributes = tiles?.tilestats?.layers?.[0]?.attributes ?? [];
  return attributes.map((one) => ({
    name: one.attribute,
    type:
      one.type === 'Number'
        ? 'number'
        : one.type === 'Timestamp'
          ? 'timestamp'
          : one.type === 'Boolean'
            ? 'boolean'
            : 'string',
  }));
}

type Props = { layer: Layer; sources: Record<string, SourceState> };

export function StylePanel({ layer, sources }: Props) {
  const { t } = useTranslation();
  const document = useDocument();
  const apply = useEditor((editor) => editor.apply);
  const select = useEditor((editor) => editor.select);
  const openSql = useEditor((editor) => editor.openSql);
  const dataset = datasetOf(document, layer);
  const source = dataset ? sources[dataset.id] : undefined;
  const geometry = geometryOfTiles(source?.tiles ?? null) ?? 'polygon';
  const columns = columnsOf(source?.tiles ?? null);
  const stats = source?.stats ?? {};
  const { visConfig, color } = layer.config;
  const { visualChannels: channels } = layer;
  const change = t('style.act', { layer: layer.config.label });
  const isLine = geometry === 'line';
  const basemap = basemapOf(document.config);
  // Neighbours of different classes are parted best by the ground's own colour.
  const outlineFor = (isByColumn: boolean) =>
    isByColumn && geometry === 'polygon' && isOwnOutline(layer, basemap)
      ? { strokeColor: rgbFromHex(GROUND[basemap]), thickness: 0.5 }
      : {};

  return (
    <>
      <header className={styles.head}>
        <IconButton icon={IconArrowLeft} label={t('style.back')} onClick={() => select(null)} />
        <h2 className="truncate" title={layer.config.label}>
          {layer.config.label}
        </h2>
        {dataset?.type === 'query' ? (
          <IconButton icon={IconCode} label={t('layers.editSql')} onClick={() => openSql(dataset.id)} />
        ) : null}
      </header>
      <Tabs defaultValue="style" className={styles.tabs!} keepMounted={false}>
        <Tabs.List grow>
          <Tabs.Tab value="style">{t('style.title')}</Tabs.Tab>
          <Tabs.Tab value="popup">{t('popup.title')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="style" className={styles.scroll!}>
          {source?.error ? (
            <ErrorState error={source.error} title={t('layers.failed')} onRetry={source.retry} isCompact />
          ) : null}
          {isLine ? (
            <section className={styles.section} aria-labelledby="line-color">
              <h3 id="line-color">{t('style.color')}</h3>
              <ColorChannel
                columns={columns}
                stats={stats}
                fixed={hexFromRgb(visConfig.strokeColor)}
                field={channels.strokeColorField}
                scale={channels.strokeColorScale}
                range={visConfig.strokeColorRange}
                onFixed={(hex) =>
                  apply(
                    change,
                    (now) =>
                      setColor(setStyle(now, layer.id, { strokeColor: rgbFromHex(hex) }), layer.id, hex),
                    `color-${layer.id}`,
                  )
                }
                onChange={(next) =>
                  apply(change, (now) =>
                    setChannels(
                      now,
                      layer.id,
                      { strokeColorField: next.field, strokeColorScale: next.scale },
                      { strokeColorRange: next.range },
                    ),
                  )
                }
              />
              <SliderRow
                label={t('style.opacity')}
                value={visConfig.strokeOpacity * 100}
                min={0}
                max={100}
                unit="%"
                onChange={(value) =>
                  apply(
                    change,
                    (now) => setStyle(now, layer.id, { strokeOpacity: value / 100 }),
                    `line-opacity-${layer.id}`,
                  )
                }
              />
            </section>
          ) : (
            <section className={styles.section} aria-labelledby="fill">
              <div className={styles.sectionHead}>
                <h3 id="fill">{t('style.fill')}</h3>
                <Switch
                  aria-label={t('style.fillOn')}
                  checked={visConfig.filled}
                  onChange={(event) => {
                    const filled = event.currentTarget.checked;
                    apply(change, (now) => setStyle(now, layer.id, { filled }));
                  }}
                />
              </div>
              {visConfig.filled ? (
                <>
                  <ColorChannel
                    columns={columns}
                    stats={stats}
                    fixed={hexFromRgb(color)}
                    field={channels.colorField}
                    scale={channels.colorScale}
                    range={visConfig.colorRange}
                    onFixed={(hex) =>
                      apply(change, (now) => setColor(now, layer.id, hex), `color-${layer.id}`)
                    }
                    onChange={(next) =>
                      apply(change, (now) =>
                        setChannels(
                          now,
                          layer.id,
                          { colorField: next.field, colorScale: next.scale },
                          { colorRange: next.range, ...outlineFor(next.field !== null) },
                        ),
                      )
                    }
                  />
                  <SliderRow
                    label={t('style.opacity')}
                    value={visConfig.opacity * 100}
                    min={0}
                    max={100}
                    unit="%"
                    onChange={(value) =>
                      apply(
                        change,
                        (now) => setStyle(now, layer.id, { opacity: value / 100 }),
                        `opacity-${layer.id}`,
                      )
                    }
                  />
                </>
              ) : null}
            </section>
          )}
          {geometry === 'point' ? (
            <section className={styles.section} aria-labelledby="radius">
              <h3 id="radius">{t('style.radius')}</h3>
              <SizeChannel
                columns={columns}
                fixed={visConfig.radius}
                max={100}
                field={channels.radiusField}
                scale={channels.radiusScale}
                range={visConfig.radiusRange}
                rangeMax={60}
                label={t('style.radius')}
                onFixed={(radius) =>
                  apply(change, (now) => setStyle(now, layer.id, { radius }), `radius-${layer.id}`)
                }
                onChange={(next) =>
                  apply(
                    change,
                    (now) =>
                      setChannels(
                        now,
                        layer.id,
                        { radiusField: next.field, radiusScale: next.scale },
                        { radiusRange: next.range },
                      ),
                    `radius-range-${layer.id}`,
                  )
                }
              />
            </section>
          ) : null}
          {isLine ? (
            <section className={styles.section} aria-labelledby="width">
              <h3 id="width">{t('style.width')}</h3>
              <SizeChannel
                columns={columns}
                fixed={visConfig.thickness}
                max={20}
                field={channels.sizeField}
                scale={channels.sizeScale}
                range={visConfig.sizeRange}
                rangeMax={20}
                label={t('style.width')}
                onFixed={(thickness) =>
                  apply(change, (now) => setStyle(now, layer.id, { thickness }), `width-${layer.id}`)
                }
                onChange={(next) =>
                  apply(
                    change,
                    (now) =>
                      setChannels(
                        now,
                        layer.id,
                        { sizeField: next.field, sizeScale: next.scale },
                        { sizeRange: next.range },
                      ),
                    `width-range-${layer.id}`,
                  )
                }
              />
            </section>
          ) : (
            <section className={styles.section} aria-labelledby="stroke">
              <div className={styles.sectionHead}>
                <h3 id="stroke">{t('style.stroke')}</h3>
                <Switch
                  aria-label={t('style.strokeOn')}
                  checked={visConfig.stroked}
                  onChange={(event) => {
                    const stroked = event.currentTarget.checked;
                    apply(change, (now) => setStyle(now, layer.id, { stroked }));
                  }}
                />
              </div>
              {visConfig.stroked ? (
                <>
                  <ColorChannel
                    columns={columns}
                    stats={stats}
                    fixed={hexFromRgb(visConfig.strokeColor)}
                    field={channels.strokeColorField}
                    scale={channels.strokeColorScale}
                    range={visConfig.strokeColorRange}
                    onFixed={(hex) =>
                      apply(
                        change,
                        (now) => setStyle(now, layer.id, { strokeColor: rgbFromHex(hex) }),
                        `stroke-${layer.id}`,
                      )
                    }
                    onChange={(next) =>
                      apply(change, (now) =>
                        setChannels(
                          now,
                          layer.id,
                          { strokeColorField: next.field, strokeColorScale: next.scale },
                          { strokeColorRange: next.range },
                        ),
                      )
                    }
                  />
                  <SliderRow
                    label={t('style.strokeWidth')}
                    value={visConfig.thickness}
                    min={0}
                    max={12}
                    step={0.5}
                    unit="px"
                    onChange={(thickness) =>
                      apply(change, (now) => setStyle(now, layer.id, { thickness }), `thickness-${layer.id}`)
                    }
                  />
                  <SliderRow
                    label={t('style.opacity')}
                    value={visConfig.strokeOpacity * 100}
                    min={0}
                    max={100}
                    unit="%"
                    onChange={(value) =>
                      apply(
                        change,
                        (now) => setStyle(now, layer.id, { strokeOpacity: value / 100 }),
                        `stroke-opacity-${layer.id}`,
                      )
                    }
                  />
                </>
              ) : null}
            </section>
          )}
          <section className={styles.section}>
            <div className={styles.sectionHead}>
              <h3 id="in-legend">{t('style.inLegend')}</h3>
              <Switch
                aria-labelledby="in-legend"
                checked={!layer.config.legend.isHidden}
                onChange={(event) => {
                  const isHidden = !event.currentTarget.checked;
                  apply(change, (now) => setLegendHidden(now, layer.id, isHidden));
                }}
              />
            </div>
          </section>
        </Tabs.Panel>
        <Tabs.Panel value="popup" className={styles.scroll!}>
          <PopupEditor layer={layer} columns={columns} />
        </Tabs.Panel>
      </Tabs>
      <footer className={styles.foot}>
        <Button variant="default" fullWidth onClick={() => select(null)}>
          {t('style.done')}
        </Button>
      </footer>
    </>
  );
}
