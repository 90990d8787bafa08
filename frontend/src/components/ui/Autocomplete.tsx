import { Autocomplete as BaseAutocomplete } from '@base-ui/react/autocomplete';
import { type ReactNode, useState } from 'react';
import styles from './Select.module.css';

export interface Suggestion {
  readonly value: string;
  readonly detail?: ReactNode;
}

interface AutocompleteProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly suggestions: readonly Suggestion[];
  /** Text instead of suggestions: that they are loading, or why there are none. */
  readonly status?: ReactNode;
  readonly onOpen?: () => void;
  readonly placeholder?: string;
  readonly ariaLabel?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
}

const matchAll = () => true;

/** Text input with suggestions, which also accepts other values. It shows all suggestions until the user types. */
export function Autocomplete({ value, onChange, suggestions, status, onOpen, ...rest }: AutocompleteProps) {
  const { ariaLabel, ...input } = rest;
  const [isTyped, setTyped] = useState(false);
  const [isOpen, setOpen] = useState(false);
  // An open list hides the rest of the page from screen readers, so do not open an empty one.
  const isEmpty = suggestions.length === 0 && status === undefined;
  return (
    <BaseAutocomplete.Root<Suggestion>
      items={suggestions}
      itemToStringValue={(suggestion) => suggestion.value}
      value={value}
      onValueChange={(next, { reason }) => {
        setTyped(reason === 'input-change');
        onChange(next);
      }}
      open={isOpen && !isEmpty}
      onOpenChange={(open) => {
        setOpen(open);
        if (open) onOpen?.();
        else setTyped(false);
      }}
      filter={isTyped ? undefined : matchAll}
      openOnInputClick
    >
      <BaseAutocomplete.Input
        {...input}
        className={`${styles.trigger} ${styles.input}`}
        aria-label={ariaLabel}
        autoComplete="off"
        spellCheck={false}
      />
      <BaseAutocomplete.Portal>
        <BaseAutocomplete.Positioner className={styles.positioner} sideOffset={4}>
          <BaseAutocomplete.Popup className={styles.popup}>
            <BaseAutocomplete.Status className={styles.status}>{status}</BaseAutocomplete.Status>
            <BaseAutocomplete.List>
              {(suggestion: Suggestion) => (
                <BaseAutocomplete.Item key={suggestion.value} value={suggestion} className={styles.item}>
                  <span className={styles.label}>{suggestion.value}</span>
                  {suggestion.detail !== undefined && (
                    <span className={styles.detail}>{suggestion.detail}</span>
                  )}
                </BaseAutocomplete.Item>
              )}
            </BaseAutocomplete.List>
          </BaseAutocomplete.Popup>
        </BaseAutocomplete.Positioner>
      </BaseAutocomplete.Portal>
    </BaseAutocomplete.Root>
  );
}
