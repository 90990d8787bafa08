import type { Copy } from '../../api/assistant';
import { Card } from '../../components/ui/Card';
import { playgroundTexts } from '../../i18n/playground';
import ptBR from '../../i18n/pt-BR/playground.json';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import styles from './Assistant.module.css';
import { CopyButton } from './CopyButton';

type Variation = Copy['variations'][number];

interface Part {
  readonly name: 'subject' | 'preheader' | 'title' | 'metaDescription' | 'body' | 'text' | 'hashtags';
  readonly text: string;
}

/** What a variation is made of, by the platform's parts; an ad's text has all its lines. */
function partsOf({ text, email, blog, hashtags }: Variation): readonly Part[] {
  const parts: readonly Part[] =
    email !== null
      ? [
          { name: 'subject', text: email.subject },
          { name: 'preheader', text: email.preheader },
          { name: 'body', text: email.body },
        ]
      : blog !== null
        ? [
            { name: 'title', text: blog.title },
            { name: 'metaDescription', text: blog.metaDescription },
            { name: 'body', text: blog.body },
          ]
        : [{ name: 'text', text }];
  return [...parts, { name: 'hashtags', text: hashtags.join(' ') } as const].filter(
    (part) => part.text !== '',
  );
}

function isPartName(name: string): name is keyof typeof ptBR.copy.parts {
  return Object.hasOwn(ptBR.copy.parts, name);
}

/** A part as the API names it: those of a list are numbered from 0. */
function usePartName(): (part: string) => string {
  const t = useTexts(playgroundTexts);
  return (part) => {
    const [name = '', place] = part.split('.');
    const known = isPartName(name) ? t(`copy.parts.${name}`) : name;
    return place === undefined ? known : `${known} ${Number(place) + 1}`;
  };
}

/** One text that is ready to be published. It is shown as text, whatever it looks like. */
export function CopyVariation({
  title,
  variation,
}: {
  readonly title: string;
  readonly variation: Variation;
}) {
  const t = useTexts(playgroundTexts);
  const format = useFormat();
  const partName = usePartName();
  const parts = partsOf(variation);
  const whole = parts.map((part) => part.text).join('\n\n');
  return (
    <Card title={title} actions={<CopyButton text={whole} label={t('copyOf', { title })} />}>
      <div className={styles.form}>
        {parts.map((part) => (
          <div key={part.name}>
            {parts.length > 1 && <p className={styles.muted}>{t(`copy.parts.${part.name}`)}</p>}
            <p className={styles.words}>{part.text}</p>
          </div>
        ))}
        <ul className={styles.lengths}>
          {variation.lengths.map(({ part, used, max }) => (
            <li key={part}>
              {t('copy.length', {
                part: partName(part),
                used: format.integer(used),
                max: format.integer(max),
              })}
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}
