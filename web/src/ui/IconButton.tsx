// An icon alone: always with a name, a tooltip, and the reason when it is off.
import { ActionIcon, Tooltip } from '@mantine/core';
import type { ComponentProps, ComponentType } from 'react';
import { Keys } from './Keys';

export type Icon = ComponentType<{ size?: number | string; stroke?: number | string }>;

/** Everything else goes to the button, so that menus and pop-overs can hang on it. */
type Props = Omit<ComponentProps<'button'>, 'color'> & {
  icon: Icon;
  label: string;
  shortcut?: string | undefined;
  /** Why it cannot be used now; also turns it off. */
  disabledReason?: string | null | undefined;
  isActive?: boolean;
  size?: number;
  iconSize?: number;
  tooltipSide?: 'top' | 'right' | 'bottom' | 'left';
};

export function IconButton({
  icon: Shape,
  label,
  shortcut,
  disabledReason,
  isActive,
  size = 28,
  iconSize = 16,
  tooltipSide,
  onClick,
  ...rest
}: Props) {
  const name = disabledReason ? `${label}: ${disabledReason}` : label;
  const tip = (
    <span style={{ display: 'inline-flex', gap: 8, alignItems: 'center' }}>
      {name}
      {shortcut && !disabledReason ? <Keys shortcut={shortcut} plain /> : null}
    </span>
  );
  return (
    <Tooltip label={tip} {...(tooltipSide ? { position: tooltipSide } : {})}>
      <ActionIcon
        {...rest}
        aria-label={name}
        aria-pressed={isActive}
        variant={isActive ? 'light' : 'subtle'}
        color="accent"
        size={size}
        data-disabled={disabledReason ? true : undefined}
        aria-disabled={disabledReason ? true : undefined}
        onClick={(event) => {
          if (disabledReason) event.preventDefault();
          else onClick?.(event);
        }}
      >
        <Shape size={iconSize} stroke={1.5} />
      </ActionIcon>
    </Tooltip>
  );
}
