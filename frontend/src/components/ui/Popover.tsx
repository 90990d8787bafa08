import { Popover as BasePopover } from '@base-ui/react/popover';
import type { ReactNode } from 'react';
import styles from './Popover.module.css';

interface PopoverProps {
  /** What the button that opens it shows; it is cut where there is no room. */
  readonly trigger: ReactNode;
  /** Names what opens for screen readers. */
  readonly label: string;
  readonly children: ReactNode;
}

/** A button, and a small surface that it opens below itself. Escape closes it and gives the focus back. */
export function Popover({ trigger, label, children }: PopoverProps) {
  return (
    <BasePopover.Root>
      <BasePopover.Trigger className={styles.trigger}>
        <span className={styles.text}>{trigger}</span>
        <span aria-hidden="true">▾</span>
      </BasePopover.Trigger>
      <BasePopover.Portal>
        <BasePopover.Positioner className={styles.positioner} sideOffset={8} align="end">
          <BasePopover.Popup className={styles.popup} aria-label={label}>
            {children}
          </BasePopover.Popup>
        </BasePopover.Positioner>
      </BasePopover.Portal>
    </BasePopover.Root>
  );
}
