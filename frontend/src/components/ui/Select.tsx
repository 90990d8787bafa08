import { Select as BaseSelect } from '@base-ui/react/select';
import type { ReactNode } from 'react';
import styles from './Select.module.css';

export interface SelectOption<V extends string> {
  readonly value: V;
  /** Text that the closed control shows and that type-ahead searches. */
  readonly label: string;
  readonly detail?: ReactNode;
  readonly disabled?: boolean;
}

interface SelectProps<V extends string> {
  readonly value: V | null;
  readonly onChange: (value: V) => void;
  readonly options: readonly SelectOption<V>[];
  readonly placeholder?: string;
  /** Name for screen readers, if the control is not in a Field. */
  readonly ariaLabel?: string;
  readonly name?: string;
  readonly required?: boolean;
  readonly disabled?: boolean;
}

/** Select-only combobox (WAI-ARIA) with type-ahead. A hidden input holds its form value. */
export function Select<V extends string>({
  value,
  onChange,
  options,
  placeholder,
  ariaLabel,
  name,
  required = false,
  disabled = false,
}: SelectProps<V>) {
  return (
    <BaseSelect.Root<V>
      items={options.map(({ value, label }) => ({ value, label }))}
      value={value}
      onValueChange={(next) => next !== null && onChange(next)}
      required={required}
      disabled={disabled}
      modal={false}
      {...(name === undefined ? {} : { name })}
    >
      <BaseSelect.Trigger className={styles.trigger} aria-label={ariaLabel}>
        <BaseSelect.Value className={styles.value} placeholder={placeholder} />
        <BaseSelect.Icon className={styles.icon}>
          <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
            <path d="M2 4l4 4 4-4" fill="none" stroke="currentColor" strokeWidth="1.5" />
          </svg>
        </BaseSelect.Icon>
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner className={styles.positioner} sideOffset={4} alignItemWithTrigger={false}>
          <BaseSelect.Popup className={styles.popup}>
            <BaseSelect.List>
              {options.map((option) => (
                <BaseSelect.Item
                  key={option.value}
                  value={option.value}
                  label={option.label}
                  disabled={option.disabled ?? false}
                  className={styles.item}
                >
                  <BaseSelect.ItemText className={styles.label}>{option.label}</BaseSelect.ItemText>
                  {option.detail !== undefined && <span className={styles.detail}>{option.detail}</span>}
                </BaseSelect.Item>
              ))}
            </BaseSelect.List>
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  );
}
